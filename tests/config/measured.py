"""What the real readers answered: see tests/data/configs/README.md."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

from proccli.config.loading import Via, load
from proccli.config.yaml.reader import Loader
from proccli.model.config import Config
from tests import paths

DATA = paths.DATA / "configs"
VIAS: tuple[Via, ...] = ("file", "server")


def cases(name: str) -> Iterator[dict[str, Any]]:
    with gzip.open(DATA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def outcome(text: str, via: Via, loader: Loader | None = None) -> dict[str, Any]:
    """A configuration in the form of the measured ones: what differs from the defaults."""
    config = load(text.encode(), "agent.yaml", via=via, loader=loader)
    values = {key: getattr(config, field) for key, field in FIELDS.items()}
    defaults = {key: getattr(DEFAULTS, field) for key, field in FIELDS.items()}
    changed = {key: value for key, value in values.items() if value != defaults[key]}
    if rules := in_effect(config):
        changed["os-proc-regex"] = rules
    return {key: list(value) if type(value) is tuple else value for key, value in changed.items()}


def in_effect(config: Config) -> list[list[str]]:
    return [[r.match_regex, r.match_type, r.rewrite_name, r.action] for r in config.rules]


def with_defaults(measured: dict[str, Any]) -> dict[str, Any]:
    """A measured configuration with the rules' values in effect, and no rules for the agent's
    own list of one that accepts everything."""
    rules = [
        [regex, match_type or "process_name", rewrite, action or "accept"]
        for regex, match_type, rewrite, action in measured.get("os-proc-regex", [])
    ]
    rest = {key: value for key, value in measured.items() if key != "os-proc-regex"}
    return {**rest, "os-proc-regex": rules} if rules else rest


FIELDS = {
    "os-proc-sync-enabled": "sync_enabled",
    "os-proc-sync-tagged-only": "tagged_only",
    "os-proc-root": "proc_root",
    "os-proc-socket-sync-interval": "socket_sync_interval_s",
    "os-proc-socket-min-lifetime": "min_lifetime_s",
    "os-app-tag-exec": "tag_exec",
    "os-app-tag-exec-user": "tag_exec_user",
}
DEFAULTS = Config(file=None, dialect="static_config", agent="6.5", via="server")
