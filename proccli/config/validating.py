"""Whether a server would save a configuration of `inputs.proc`.

The server compares keys and types with its template. What stands in process_matcher is not looked
at. Of the sections beside `inputs.proc` only the names are checked against the templates.

Source: server/agent_config ValidateYAML (TJ:83-197), measured on 16 servers (FACTS B1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, Literal, TypeAlias

from proccli.config.yaml.go_values import Key, Leaf, ListValue, MapValue, Value
from proccli.config.yaml.go_yaml import is_merge
from proccli.config.yaml.nodes import Node, Refusal
from proccli.text import visible
from proccli.versions import ConfigServer

_Type: TypeAlias = "Literal['bool', 'text', 'number', 'list', 'texts', 'any'] | _Template"
_Template: TypeAlias = "Mapping[str, _Type]"

_OTHER_SECTIONS: Final = ("outputs", "processors", "plugins", "dev")
_INPUTS: Final = ("cbpf", "ebpf", "integration", "vector")
"""Sections beside the ones below, of every template."""
_LIMITS: Final[_Template] = {
    **dict.fromkeys(
        (
            "max_millicpus",
            "max_memory",
            "max_log_backhaul_rate",
            "max_local_log_file_size",
            "max_sockets",
        ),
        "number",
    ),
    "local_log_retention": "text",
    "max_sockets_tolerate_interval": "text",
}
_NAME: Final = re.compile(r"[a-z0-9_]+")
_SHOWN: Final = 60


def template(server: ConfigServer) -> _Template:
    """The keys of a server's template that are known here, with their types."""
    proc: dict[str, _Type] = {
        "enabled": "bool",
        "proc_dir_path": "text",
        server.socket_interval_key: server.socket_interval_type,
        "min_lifetime": "text",
        "tag_extraction": {"script_command": "list", "exec_username": "text"},
        "process_matcher": "any",
        "symbol_table": {
            "golang_specific": {"enabled": "bool"},
            "java": {"refresh_defer_duration": "text", "max_symbol_file_size": "number"},
        },
    }
    if server.blacklist:
        proc["process_blacklist"] = "texts"
    if server.ai_agent:
        proc["ai_agent"] = {
            "http_endpoints": "texts",
            "max_payload_size": "number",
            "file_io_enabled": "bool",
        }
    return {
        "global": {"limits": _LIMITS},
        "inputs": {"proc": proc, "resources": {"push_interval": "text"}},
    }


def validate(entries: Mapping[Key, tuple[Node, Value]], server: ConfigServer) -> Iterator[Refusal]:
    """Why the server would not save the configuration, in the order of the text."""
    known = template(server)
    for key, (at, value) in entries.items():
        if key in _OTHER_SECTIONS:
            yield from _other(str(key), value)
        elif isinstance(key, str) and key in known:
            yield from _checked(value, known[key], key)
        else:
            yield _unknown(key, at, "the configuration")


def _checked(value: Value, wanted: _Type, path: str) -> Iterator[Refusal]:
    if isinstance(wanted, Mapping):
        yield from _mapping(value, wanted, path)
    elif wanted in ("list", "texts"):
        if not isinstance(value, ListValue):
            yield _wrong(value, path, "a list")
        elif wanted == "texts":
            for item in value.items:
                yield from _checked(item, "text", f"an element of {path}")
    elif wanted != "any" and not (isinstance(value, Leaf) and _is_of(value, str(wanted))):
        words = {"bool": "true or false", "text": "a text", "number": "a number"}
        yield _wrong(value, path, words[str(wanted)])


def _mapping(value: Value, wanted: _Template, path: str) -> Iterator[Refusal]:
    if not isinstance(value, MapValue):
        yield _wrong(value, path, "a mapping")
        return
    for key, (at, inner) in value.entries.items():
        if isinstance(key, str) and key in wanted:
            yield from _checked(inner, wanted[key], f"{path}.{key}")
        elif path in ("global", "inputs.resources") or (path == "inputs" and key in _INPUTS):
            yield from _other(f"{path}.{key}", inner)
        else:
            yield _unknown(key, at, path)


def _is_of(leaf: Leaf, wanted: str) -> bool:
    value = leaf.value
    if wanted == "text":
        # An unquoted << has a type of its own.
        merge = is_merge(leaf.node)
        return isinstance(value, str) and not leaf.is_date and not merge
    is_bool = isinstance(value, bool)
    return is_bool if wanted == "bool" else isinstance(value, int | float) and not is_bool


def _other(path: str, value: Value) -> Iterator[Refusal]:
    """What can be said of a section whose keys are not known here."""
    if path in _OTHER_SECTIONS and not isinstance(value, MapValue):
        yield _wrong(value, path, "a mapping")
    if isinstance(value, MapValue):
        for key, (at, inner) in value.entries.items():
            if not isinstance(key, str) or not _NAME.fullmatch(key):
                yield _unknown(key, at, path)
            else:
                yield from _other(f"{path}.{key}", inner)


def _unknown(key: Key, at: Node, where: str) -> Refusal:
    name = visible(key[:_SHOWN]) if isinstance(key, str) else "a key that is no text"
    return Refusal(f"{name} is no key of {where} in the server's template", at.start, by="server")


def _wrong(value: Value, path: str, wanted: str) -> Refusal:
    return Refusal(f"{path} must be {wanted}", value.node.start, by="server")
