"""Every measured configuration, release by release: see tests/data/agents/README.md.

`make test` asks one release of each group that answers alike, `PROCCLI_TESTS=full` all of them.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest

from proccli.agent.rules import expand_windows
from proccli.config.loading import Reading, Via, defaults, read
from proccli.config.pushing import load, push
from proccli.config.static_config_types import key_types
from proccli.config.validating import validate
from proccli.config.yaml.kinds import Struct
from proccli.errors import Fault
from proccli.model.config import Config
from proccli.versions import AGENTS, CONFIG_SERVERS, ConfigLibrary, agent_version
from tests import paths

DATA = paths.DATA / "agents"
FULL = os.environ.get("PROCCLI_TESTS") == "full"
ADDED: Mapping[tuple[str, ...], str] = {
    ("global", "communication", "proxy_controller_ip"): "10.1.2.3"
}
MATCH_TYPES = {
    "Cmd": "cmdline",
    "CmdWithArgs": "cmdline_with_args",
    "ProcessName": "process_name",
    "ParentProcessName": "parent_process_name",
    "Tag": "tag",
}
ENVIRONMENT = {"A": "alpha", "HOSTNAME": "web-1", "REF": "${1}!", "N N": "nn", "E": ""}

CR_AS_BREAK = {("6.6.6", "doc/cr"), ("6.6.6", "mut/441"), ("6.6.6", "mut/688")}
"""A lone CR ends a line to yaml-rust but begins no new one: proccli says that it can't tell."""
NOT_UNWRAPPED = "conf953"
"""The agent was given the group's configuration, of which it otherwise gets the inner part."""


def lines(name: str) -> Iterator[dict[str, Any]]:
    with gzip.open(DATA / name, "rt", encoding="utf-8") as text:
        yield from map(json.loads, text)


@cache
def cases() -> tuple[Mapping[str, Any], list[dict[str, Any]]]:
    first, *rest = lines("new/config-dev.jsonl.gz")
    return first["defaults"], rest


def asked(releases: list[str]) -> list[str]:
    return releases if FULL else releases[:1]


def number(release: str) -> str:
    """The name of a release for --agent and --server."""
    return release.removesuffix("-head")


def expected(measured: Mapping[str, Any]) -> dict[str, Any]:
    def seconds(name: str) -> int:
        return int(measured[f"{name}_ns"]) // 10**9 % 2**32

    return {
        "enabled": measured["enabled"],
        "exec_username": measured["exec_username"],
        "script_command": tuple(measured["script_command"]),
        "proc_dir_path": measured["proc_dir_path"],
        "min_lifetime": seconds("min_lifetime"),
        "sync_interval": seconds("sync_interval"),
        "push_interval": seconds("push_interval"),
        "process_blacklist": tuple(measured.get("process_blacklist", ())),
        "process_matcher": [
            (
                matcher["match_regex"],
                MATCH_TYPES[matcher["match_type"]],
                matcher["rewrite_name"],
                matcher["ignore"],
                matcher["only_in_container"],
                matcher["only_with_tag"],
                tuple(matcher["enabled_features"]),
                matcher.get("action", "Accept").lower(),
            )
            for matcher in measured["process_matcher"]
        ],
    }


def shown(config: Config) -> dict[str, Any]:
    return {
        "enabled": config.sync_enabled,
        "exec_username": config.tag_exec_user,
        "script_command": config.tag_exec,
        "proc_dir_path": config.proc_root,
        "min_lifetime": config.min_lifetime_s,
        "sync_interval": config.socket_sync_interval_s,
        "push_interval": config.push_interval_s,
        "process_blacklist": config.blacklist,
        "process_matcher": [
            (
                rule.match_regex,
                rule.match_type,
                rule.rewrite_name,
                rule.ignore,
                rule.only_in_container,
                rule.only_with_tag,
                rule.enabled_features,
                rule.action,
            )
            for rule in config.rules
        ],
    }


def answer(reading: Reading) -> dict[str, Any] | str:
    if not reading.faults:
        assert reading.config is not None
        return shown(reading.config)
    fault = reading.faults[0]
    return "panics" if fault.panics else f"not known: {fault.problem}" if is_guess(fault) else "no"


def is_guess(fault: Fault) -> bool:
    """Whether proccli refuses a text because it doesn't know what the agent does with it."""
    return fault.by == "proccli" and fault.code not in ("yaml-syntax", "second-document")


@pytest.mark.parametrize("release", list(cases()[0]))
def test_the_defaults_of_each_release_are_the_measured_ones(release: str) -> None:
    measured, _ = cases()
    agent = number(release)
    config = read(b"inputs: {}\n", "a.yaml", agent=agent, via="file").config

    assert config is not None
    assert shown(config) == expected(measured[release])
    if AGENTS[agent].dialect == "inputs.proc":
        assert shown(defaults(agent)) == shown(config)


@pytest.mark.parametrize("via", ["file", "server"])
def test_every_release_reads_inputs_proc_as_measured(via: Via) -> None:
    defaults_by_release, measured = cases()
    for case in measured:
        for group in case["file" if via == "file" else "via"]:
            for release in asked(group["versions"]):
                if via == "file" and (release, case["id"]) in CR_AS_BREAK:
                    continue
                text = case["yaml"].encode()
                agent = number(release)
                ours = answer(read(text, "a.yaml", agent=agent, via=via, new_rpc=True))
                if group.get("panic"):
                    wanted: dict[str, Any] | str = "panics"
                elif not group["ok"]:
                    wanted = "no"
                else:
                    wanted = expected({**defaults_by_release[release], **group["set"]})
                assert ours == wanted, (release, case["id"])


@pytest.mark.parametrize("library", ["koanf", "viper"])
def test_the_text_that_a_server_pushes_is_the_measured_one(library: ConfigLibrary) -> None:
    for case in cases()[1]:
        measured = case["pushed"][library]
        pushed = push(case["yaml"].removeprefix("\ufeff"), library, added=ADDED)

        assert pushed.text == measured["text"], case["id"]
        assert bool(pushed.errors) == measured.get("load_error", False), case["id"]


def test_each_server_refuses_to_save_what_it_refused_when_measured() -> None:
    for case in cases()[1]:
        _, loaded = load(case["yaml"].removeprefix("\ufeff"))
        for group in case["server"]:
            for release in asked(group["servers"]):
                server = CONFIG_SERVERS[number(release)]
                refused = [*loaded.errors, *validate(loaded.entries, server)]
                assert bool(refused) == (group["validate"] == "refused"), (release, case["id"])


def legacy_answer(text: str, agent: str) -> dict[str, Any] | str:
    reading = read(text.encode(), "a.yaml", agent=agent, via="file", new_rpc=False)
    if reading.faults:
        assert not is_guess(reading.faults[0]), reading.faults[0]
        return "no"
    config = reading.config
    assert config is not None
    return {
        "enabled": config.sync_enabled,
        "tagged_only": config.tagged_only,
        "root": config.proc_root,
        "interval": config.socket_sync_interval_s,
        "min_lifetime": config.min_lifetime_s,
        "tag_exec": list(config.tag_exec),
        "tag_user": config.tag_exec_user,
        "rules": in_effect(config),
    }


def in_effect(config: Config) -> list[list[Any]]:
    """The rules as the agent applies them, its own included."""
    behaviour = agent_version(config.agent).static_config
    assert behaviour is not None
    rules = [rule for rule in config.rules if not rule.problems]
    if behaviour.engine == "every-matcher":
        return [
            [r.match_type, r.match_regex, r.action, r.rewrite_name, list(r.enabled_features)]
            for r in rules
        ]
    own = [["process_name", ".*", "accept", ""]]
    if not behaviour.rules_count:
        return own

    def renamed(rewrite: str, match_type: str) -> str:
        if match_type not in ("process_name", "cmdline"):
            return ""
        return expand_windows(rewrite, ENVIRONMENT.get).text if behaviour.env else rewrite

    found = [
        [r.match_type, r.match_regex, r.action, renamed(r.rewrite_name, r.match_type)]
        for r in rules
    ]
    return [*(found if config.rules else own), *(own if behaviour.implicit_accept else [])]


def wanted_of(measured: Mapping[str, Any]) -> dict[str, Any] | str:
    if "rejected" in measured:
        return "no"
    names = ("enabled", "tagged_only", "root", "interval", "min_lifetime", "tag_exec", "tag_user")
    rules = measured.get("rules")
    if rules is None:
        rules = [[MATCH_TYPES[rule[0]], *rule[1:]] for rule in measured["matchers"]]
    return {**{name: measured[name] for name in names}, "rules": rules}


def test_every_release_reads_static_config_as_measured() -> None:
    for case in lines("legacy/configs.jsonl.gz"):
        if case["id"] == NOT_UNWRAPPED:
            continue
        for group in case["results"]:
            for release in asked(group["agents"]):
                ours = legacy_answer(case["config"], release)
                assert ours == wanted_of(group), (release, case["id"])


def test_the_types_of_all_keys_are_the_measured_ones() -> None:
    with (DATA / "legacy/static-config-keys.json").open(encoding="utf-8") as text:
        measured = json.load(text)
    base = measured["6.5"]
    for release, difference in measured.items():
        types = (
            base
            if difference is base
            else {
                **{key: kind for key, kind in base.items() if key not in difference["absent"]},
                **difference["changed"],
            }
        )
        assert keys_of(key_types(agent_version(release))) == set(types)


def keys_of(struct: Struct, prefix: str = "") -> set[str]:
    keys = {f"{prefix}{name}" for name in struct.fields}
    for name, kind in struct.fields.items():
        if isinstance(kind, Struct):
            keys |= keys_of(kind, f"{prefix}{name}.")
    return keys


@pytest.mark.parametrize(
    ("via", "value", "built_in"),
    [("server", "[]", True), ("server", "~", True), ("server", "", True), ("file", "[]", False)],
)
@pytest.mark.parametrize("agent", ["6.2.2", "6.5", "6.6.6", "6.6.8"])
def test_the_server_leaves_out_an_empty_list(
    agent: str, via: Via, value: str, built_in: bool
) -> None:
    """Source: agent_config.StaticConfig of the server, omitempty; FACTS A1, C."""
    text = f"static_config:\n  os-proc-regex: {value}\n".encode()
    config = read(text, "x", agent=agent, via=via).config
    assert config is not None
    assert config.builtin_rule == built_in
    if agent.startswith("6.6"):
        features = [rule.enabled_features for rule in config.rules]
        assert (("proc.gprocess_info",) in features) == built_in
