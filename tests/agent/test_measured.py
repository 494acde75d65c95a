"""All measured cases of `inputs.proc`: what each release publishes and sends."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import pytest

from proccli.agent.every_matcher import Publication
from proccli.errors import ConfigError
from tests.agent.measured import CONSUMERS, cases, run
from tests.agent.trees import TreeSource

ALL = os.environ.get("PROCCLI_TESTS") == "full"
"""Otherwise one release of each group that answered alike."""
CASES = cases("process.jsonl.gz")


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_every_release_publishes_and_sends_what_was_measured(case: Mapping[str, Any]) -> None:
    source = TreeSource(case["tree"])
    for result in case["results"]:
        for version in result["versions"] if ALL else result["versions"][:1]:
            if result.get("rejected"):
                with pytest.raises(ConfigError):
                    run(case, version, source)
                continue
            got = run(case, version, source)
            assert _published(got.features, result["features"]) == result["features"], version
            assert got.sync == result["sync"], version


def _published(
    got: Mapping[str, Publication], measured: Mapping[str, object]
) -> Mapping[str, Mapping[str, Any]]:
    """The features that had a consumer; a feature that never published is left out."""
    return {
        feature: {"pids": list(found.pids), "processes": list(map(list, found.processes.items()))}
        for feature, found in got.items()
        if feature in CONSUMERS and (found.pids or feature in measured)
    }
