"""A configuration to add rules to: it sends all processes under their own names."""

from __future__ import annotations

from collections.abc import Iterator

from proccli.config.inputs_proc import MATCHERS, Matcher, match_type_word
from proccli.config.static_config import GPROCESS_INFO, SOCKET_LIST
from proccli.config.yaml.go_writer import spelled
from proccli.versions import AgentVersion


def skeleton(agent: AgentVersion) -> str:
    """The text for an agent, in the dialect that it reads."""
    lines = _static(agent) if agent.dialect == "static_config" else _inputs(agent)
    return "".join(f"{line}\n" for line in lines)


def _static(agent: AgentVersion) -> Iterator[str]:
    behaviour = agent.static_config
    assert behaviour is not None  # noqa: S101 - by its dialect
    yield f"# Rules proposed by proccli suggest for agent {agent.number}."
    yield "static_config:"
    if "os-proc-sync-enabled" in behaviour.keys:
        yield "  os-proc-sync-enabled: true"
    if not behaviour.implicit_accept or behaviour.engine == "every-matcher":
        yield "  os-proc-regex:"
        yield "    # All others keep their names; without this rule they would not be sent."
        yield "    - match-regex: .*"
        yield "      match-type: process_name"


def _inputs(agent: AgentVersion) -> Iterator[str]:
    behaviour, defaults = agent.inputs_proc, agent.defaults
    assert behaviour is not None  # noqa: S101 - by its dialect
    assert defaults is not None  # noqa: S101 - likewise
    ours = (GPROCESS_INFO, SOCKET_LIST)
    yield f"# Matchers proposed by proccli suggest for agent {agent.number}."
    yield "inputs:"
    yield "  proc:"
    yield "    enabled: true"
    if not defaults.socket_interval_s and behaviour.socket_thread == "per-namespace":
        yield "    # Connections are labelled with processes only if sockets are read."
        yield f"    {defaults.socket_interval_key}: 10s"
    yield "    process_matcher:"
    yield "      # All processes with a command line (no kernel threads), under their own names"
    yield "      # unless another matcher renames them."
    yield from _item(Matcher(".", enabled_features=ours), agent)
    for matcher in MATCHERS[defaults.matchers]:
        others = tuple(name for name in matcher.enabled_features if name not in ours)
        if others:
            yield "      # One of the agent's own matchers, for its other features."
            yield from _item(matcher._replace(enabled_features=others), agent)


def default_matchers(agent: AgentVersion, indent: int) -> list[str]:
    """The lines of the matchers that the agent has where process_matcher is missing."""
    assert agent.defaults is not None  # noqa: S101 - it reads inputs.proc
    lines = [f"{' ' * indent}# The agent's own matchers, which it has without a list."]
    for matcher in MATCHERS[agent.defaults.matchers]:
        lines += (f"{' ' * indent}{line[6:]}" for line in _item(matcher, agent))
    return lines


def _item(matcher: Matcher, agent: AgentVersion) -> Iterator[str]:
    yield f"      - match_regex: {spelled(matcher.match_regex)}"
    yield f"        match_type: {match_type_word(matcher.match_type, agent)}"
    if matcher.ignore:
        yield "        ignore: true"
    elif matcher.rewrite_name:
        yield f"        rewrite_name: {spelled(matcher.rewrite_name)}"
    yield f"        only_in_container: {'true' if matcher.only_in_container else 'false'}"
    yield f"        enabled_features: [{', '.join(matcher.enabled_features)}]"
