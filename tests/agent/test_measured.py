"""All measured cases of `inputs.proc`: what each release publishes and sends."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import pytest

from proccli.agent.every_matcher import Publication
from tests.agent.measured import CONSUMERS, cases, run
from tests.agent.trees import TreeSource

ALL = os.environ.get("PROCCLI_TESTS") == "full"
"""Otherwise one release of each group that answered alike."""
NEWER_TAG_READER = frozenset(
    {
        "d0455-tags",
        "d0492-tagtext",
        "d0513-tagtext",
        "d0520-tagtext",
        "d0543-tagtext",
        "r0021",
        "r0117",
        "r0477",
        "r0483",
        "r0878",
        "r5178",
        "r5192",
        "r5199",
        "r5282",
        "r5444",
    }
)
"""Their tag output is read as serde_yaml 0.9.25 does."""
CASES = [case for case in cases("process.jsonl.gz") if case["id"] not in NEWER_TAG_READER]


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_every_release_publishes_and_sends_what_was_measured(case: Mapping[str, Any]) -> None:
    source = TreeSource(case["tree"])
    for result in case["results"]:
        if result.get("rejected"):
            continue
        for version in result["versions"] if ALL else result["versions"][:1]:
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
