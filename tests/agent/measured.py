"""The measured cases of `inputs.proc` in tests/data/agents/new, and a run of one of them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from proccli.agent.every_matcher import Publication
from proccli.agent.inputs import Inputs
from proccli.agent.pipeline import Pipeline
from proccli.agent.report import sent
from proccli.config.loading import load
from proccli.config.tag_output import parse_tag_output
from proccli.errors import TagsError
from proccli.model.config import Config
from proccli.model.process import NO_TAGS, Environment, TagTable
from proccli.model.sockets import SyncedProcess
from proccli.versions import SENT_FEATURE, agent_version
from tests.agent.trees import TreeSource
from tests.paths import DATA

CASES = DATA / "agents" / "new"
CONSUMERS = (
    SENT_FEATURE,
    "proc.socket_list",
    "ebpf.profile.on_cpu",
    "proc.golang_symbol_table",
    "ebpf.socket.uprobe.tls",
)


def agent_number(version: str) -> str:
    """A version of the cases as `--agent` takes it."""
    return version.removesuffix("-head")


@lru_cache
def cases(name: str) -> tuple[Mapping[str, Any], ...]:
    """All cases of a file."""
    with gzip.open(CASES / name) as lines:
        return tuple(json.loads(line) for line in lines)


class Run(NamedTuple):
    """What one version publishes and sends."""

    features: Mapping[str, Publication]
    sync: list[Mapping[str, Any]]


def config_of(text: str, version: str) -> Config:
    """The settings that a version takes from a text. Raises: ConfigError."""
    return load(text.encode(), "agent.yaml", agent=agent_number(version), via="file")


def text_for(case: Mapping[str, Any], version: str) -> str:
    """The configuration that a version read."""
    (text,) = [one["text"] for one in case["configs"] if version in one["versions"]]
    return str(text)


def tags_for(case: Mapping[str, Any], config: Config) -> TagTable:
    """The output of the tag command."""
    if not config.tag_exec or not config.tag_exec_user:
        return NO_TAGS
    try:
        output = (case.get("tags") or "").encode()
        crate = agent_version(config.agent).yaml_crate
        entries = parse_tag_output(output, "tags", crate=crate)
    except TagsError:
        return TagTable(entries={}, known=True, origin="cat", failed=True)
    return TagTable(entries=entries, known=True, origin="cat")


def run(case: Mapping[str, Any], version: str, source: TreeSource) -> Run:
    """What a version publishes to the consumers of each feature, and then sends."""
    text = text_for(case, version)
    config = config_of(text, version)
    features: dict[str, Publication] = {}
    environment = Environment(values=case.get("env") or {}, complete=True, origin="a case")
    tags = tags_for(case, config)
    sync: list[Mapping[str, Any]] = []
    for feature in CONSUMERS:
        given = Inputs(
            config=config._replace(feature=feature),
            source=source,
            environment=environment,
            tags=tags,
            notes=(),
        )
        pipeline = Pipeline(given)
        features[feature] = pipeline.publication()
        if feature == SENT_FEATURE:
            outcomes = pipeline.outcomes(source.pids())
            sync = [_sent(one) for one in sent(outcomes, tags, pipeline.context.behaviour)]
    return Run(features=features, sync=sync)


def _sent(process: SyncedProcess) -> Mapping[str, Any]:
    return {
        "name": process.name,
        "pid": process.pid,
        "process_name": process.process_name,
        "cmdline": process.cmdline,
        "user": process.user,
        "start_time": process.start_time,
        "tags": [list(tag) for tag in process.os_app_tags or ()],
        "netns_id": process.netns_id,
        "container_id": process.container_id,
    }
