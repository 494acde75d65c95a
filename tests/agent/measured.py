"""The measured cases of `inputs.proc` in tests/data/agents/new, and a run of one of them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import yaml

from proccli.agent.every_matcher import SENT_FEATURE, Publication
from proccli.agent.inputs import Inputs
from proccli.agent.pipeline import Pipeline
from proccli.agent.report import sent
from proccli.config.tag_output import parse_tag_output
from proccli.errors import Location, TagsError
from proccli.model.config import Config, Rule
from proccli.model.process import NO_TAGS, Environment, TagTable
from proccli.model.sockets import SyncedProcess
from proccli.versions import AGENTS
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
_WORDS = {
    "Cmd": "cmdline",
    "CmdWithArgs": "cmdline_with_args",
    "ProcessName": "process_name",
    "ParentProcessName": "parent_process_name",
    "Tag": "tag",
}
_UNITS = {"ms": 0, "s": 1, "m": 60, "h": 3600, "d": 86400}


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


def config_of(text: str, version: str, feature: str | None = None) -> Config:
    """The settings in a well-formed text of `inputs.proc`."""
    defaults = AGENTS[agent_number(version)].defaults
    assert defaults is not None
    document = yaml.load(text, yaml.BaseLoader) or {}
    written = (document.get("inputs") or {}).get("proc") or {}
    tags = written.get("tag_extraction") or {}
    measured = cases("config.jsonl.gz")[0]["defaults"][version]
    # The defaults were measured, and have the words of the agents' type.
    from_text = "process_matcher" in written and defaults.match_type_words == "text"
    matchers = written.get("process_matcher", measured["process_matcher"])
    words = {} if from_text else _WORDS
    return Config(
        file="agent.yaml",
        dialect="inputs.proc",
        agent=agent_number(version),
        via="file",
        sync_enabled=written.get("enabled", str(defaults.enabled).lower()) == "true",
        min_lifetime_s=_seconds(written.get("min_lifetime", "3s")),
        tag_exec=tuple(tags.get("script_command", ())),
        tag_exec_user=tags.get("exec_username", "deepflow"),
        rules=tuple(
            _rule(index, one, version, words) for index, one in enumerate(matchers or (), 1)
        ),
        feature=feature,
        blacklist=tuple(written.get("process_blacklist", measured.get("process_blacklist", ()))),
    )


def _rule(index: int, written: Mapping[str, Any], version: str, words: Mapping[str, str]) -> Rule:
    defaults = AGENTS[agent_number(version)].defaults
    assert defaults is not None
    word = written.get("match_type", defaults.match_type)

    def flag(name: str, default: bool = False) -> bool:
        return str(written.get(name, default)).lower() == "true"

    return Rule(
        index=index,
        at=Location("agent.yaml", index, 1),
        match_type=words.get(word, word),
        match_regex=written.get("match_regex", defaults.match_regex),
        action="drop" if written.get("action") == "Drop" and defaults.matcher_action else "accept",
        rewrite_name=written.get("rewrite_name", ""),
        ignore=flag("ignore"),
        only_in_container=flag("only_in_container", defaults.only_in_container),
        only_with_tag=flag("only_with_tag"),
        enabled_features=tuple(written.get("enabled_features", defaults.features)),
    )


def _seconds(written: str) -> int:
    parts = [(int(part.rstrip("mshd")), part.lstrip("0123456789")) for part in written.split()]
    milliseconds = sum(
        number if unit == "ms" else number * _UNITS[unit] * 1000 for number, unit in parts
    )
    return milliseconds // 1000 % 2**32


def text_for(case: Mapping[str, Any], version: str) -> str:
    """The configuration that a version read."""
    (text,) = [one["text"] for one in case["configs"] if version in one["versions"]]
    return str(text)


def tags_for(case: Mapping[str, Any], config: Config) -> TagTable:
    """The output of the tag command."""
    if not config.tag_exec or not config.tag_exec_user:
        return NO_TAGS
    try:
        entries = parse_tag_output((case.get("tags") or "").encode(), "tags")
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
