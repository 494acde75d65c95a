"""Single matchers of inputs.proc that do something else than they look like, or nothing.

Source: FACTS B3 to B5, B9, H; for each kind, its page.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import Final

from proccli.config.inputs_proc import default_blacklist
from proccli.config.yaml.nodes import Scalar, resolved
from proccli.diagnostics.context import Context, Place
from proccli.diagnostics.subjects import EVERY
from proccli.model.config import Diagnostic, Rule
from proccli.text import visible
from proccli.versions import FEATURES, SENT_FEATURE, SOCKET_FEATURE

_SENT: Final = (SENT_FEATURE, SOCKET_FEATURE)
_FILTERS: Final = ("match_usernames", "match_languages")
_TYPES: Final = ("process_name", "cmdline", "cmdline_with_args", "parent_process_name", "tag")
_LONGEST: Final = 60


def check(context: Context) -> Iterator[Diagnostic]:
    """What is wrong with matchers, one by one."""
    written = [rule for rule in context.rules if rule.places]
    for rule in written:
        yield from _features(rule, context)
        yield from _match_type(rule, context)
        yield from _container(rule, context)
        yield from _ignore(rule, context)
        yield from _parent(rule, context)
        yield from _filters(rule, context)
        yield from _kernel_threads(rule, context)
        yield from _blacklisted(rule, context)
        yield from _tagged(rule, context)


def _features(rule: Rule, context: Context) -> Iterator[Diagnostic]:
    features = rule.enabled_features
    if not features:
        if context.value(rule, "enabled_features") is not None:
            return  # no list, for which the agent rejects the configuration
        yield context.at_value(
            rule,
            "enabled_features",
            "no-features",
            f"matcher {rule.index} has no enabled_features",
            effect="it does nothing, and a written list replaces the agent's default matchers",
            hint=f"write enabled_features: [{SENT_FEATURE}]",
        )
        return
    for name in dict.fromkeys(features):
        if name in FEATURES:
            continue
        close = difflib.get_close_matches(name.strip().lower()[:_LONGEST], FEATURES, n=1)
        yield context.at(
            _feature_place(rule, name, context),
            "unknown-feature",
            f'no agent has the feature "{visible(name[:_LONGEST])}"',
            rule=rule,
            effect="the matcher does nothing for it; a name must be written exactly so",
            hint=f"write {close[0]}" if close else f"features: {', '.join(FEATURES)}",
        )
    if not any(name in _SENT for name in features) and any(name in FEATURES for name in features):
        yield context.at(
            _feature_place(rule, features[0], context),
            "not-sent",
            f"matcher {rule.index} serves the agent's own features only",
            rule=rule,
            effect="the processes that it takes are not sent, so they name nothing in DeepFlow",
            hint=f"add {SENT_FEATURE} to send them",
        )
    alone = SOCKET_FEATURE in features and SENT_FEATURE not in features
    if alone and not rule.ignore and not _sent_by_another(rule, context):
        yield context.at(
            _feature_place(rule, SOCKET_FEATURE, context),
            "socket-list-alone",
            f"matcher {rule.index} has {SOCKET_FEATURE} without {SENT_FEATURE}",
            rule=rule,
            effect="sockets of processes that the server does not know get no process",
            hint=f"add {SENT_FEATURE}",
        )


def _feature_place(rule: Rule, name: str, context: Context) -> Place:
    """The place of a feature in the matcher's list, else of the list."""
    at = rule.places.get("enabled_features", rule.at)
    for node in map(resolved, context.written.list_at(at)):
        if isinstance(node, Scalar) and node.text == name:
            return context.written.place((node.start, node.end))
    return context.written.from_place(at)


def _sent_by_another(rule: Rule, context: Context) -> bool:
    """Whether a matcher of the same processes sends them."""
    return any(
        SENT_FEATURE in one.enabled_features
        and not one.ignore
        and (one.match_regex in (rule.match_regex, ".*", ""))
        for one in context.config.rules
    )


def _match_type(rule: Rule, context: Context) -> Iterator[Diagnostic]:
    scalar = context.value(rule, "match_type")
    defaults = context.agent.defaults
    if scalar is None or defaults is None or defaults.match_type_words == "enum":
        return
    word = scalar.text
    if word in _TYPES:
        return
    plain = word.strip().lower().replace("-", "_")
    close = difflib.get_close_matches(plain[:_LONGEST], _TYPES, n=1)
    yield context.at_value(
        rule,
        "match_type",
        "unknown-match-type",
        f'"{visible(word[:_LONGEST])}" is not a match_type',
        effect="the agent reads it as process_name and reports nothing",
        hint=f"write {close[0]}" if close else f"valid values: {', '.join(_TYPES)}",
    )


def _container(rule: Rule, context: Context) -> Iterator[Diagnostic]:
    if not rule.only_in_container or not rule.enabled_features:
        return
    if "only_in_container" not in rule.places:
        yield context.at_rule(
            rule,
            "container-only",
            f"matcher {rule.index} takes processes in containers only: only_in_container is true"
            " where it is not written",
            effect="processes of the host itself are not taken",
            hint="write only_in_container: false, or true if this is intended",
        )
    behaviour = context.behaviour
    if behaviour is not None and behaviour.container == "scope":
        yield context.at_value(
            rule,
            "only_in_container",
            "container-cgroup-v2",
            f"agent {context.config.agent} sees no container on hosts with cgroup v2",
            effect="on these hosts, the matcher takes nothing",
            hint="write only_in_container: false where hosts have cgroup v2",
        )


def _ignore(rule: Rule, context: Context) -> Iterator[Diagnostic]:
    behaviour = context.behaviour
    if not rule.ignore or behaviour is None or not rule.enabled_features:
        return
    if behaviour.ignore != "removes":
        effect = "the matcher takes its processes like any other"
        if behaviour.ignore == "no-rename":
            effect += ", without renaming them"
        yield context.at_value(
            rule,
            "ignore",
            "ignore-unsupported",
            f"agent {context.config.agent} does not leave out processes by ignore",
            effect=effect,
            hint="write patterns that do not match these processes",
        )
    elif rule.match_type == "parent_process_name":
        yield context.at_value(
            rule,
            "ignore",
            "ignore-parent",
            "ignore with parent_process_name is about the descendants",
            effect="later matchers do not take the descendants of such a process; they take the"
            " process itself",
            hint=f"write {context.typed('process_name')} to leave out the process itself",
        )


def _parent(rule: Rule, context: Context) -> Iterator[Diagnostic]:
    ignored = rule.ignore and context.behaviour is not None and context.behaviour.ignore
    if rule.match_type == "parent_process_name" and ignored != "removes":
        yield context.at_value(
            rule,
            "match_type",
            "parent-is-sent",
            f"for each process that matcher {rule.index} takes, the matching ancestor is sent",
            effect="the processes below it get no row of their own, and their sockets no process",
            hint="match the processes themselves, by process_name or cmdline_with_args",
        )


def _filters(rule: Rule, context: Context) -> Iterator[Diagnostic]:
    for name in _FILTERS:
        if name in rule.places and context.written.list_at(rule.places[name]):
            yield context.at(
                context.written.from_place(rule.places[name]),
                "filter-ignored",
                f"{name} has no effect in any agent",
                rule=rule,
                effect="the matcher takes processes whatever their user or language is",
                hint="remove it",
            )


def _kernel_threads(rule: Rule, context: Context) -> Iterator[Diagnostic]:
    behaviour = context.behaviour
    hidden = behaviour is None or behaviour.invisible_without == "everything"
    requires = rule.only_in_container or rule.only_with_tag
    if hidden or rule.ignore or requires or SENT_FEATURE not in rule.enabled_features:
        return
    if rule.match_type == "process_name":
        probes, pattern = ("kthreadd", "kworker/0", "zqx7"), rule.match_regex
        if not all(map(context.regexes[rule.index].is_match, probes)):
            return
        left = context.find(EVERY["process_name"], avoiding=[pattern])
        # A process without a name, which has the text "", is not looked for.
        if not left.decided or left.text:
            return
    elif rule.match_type not in ("cmdline", "cmdline_with_args") or not (
        context.regexes[rule.index].is_match("")
    ):
        return
    yield context.at_rule(
        rule,
        "kernel-threads-taken",
        f"matcher {rule.index} takes kernel threads, too",
        effect="each host sends hundreds of them, such as kworker/0",
        hint=f"write {context.typed('cmdline')} with match_regex: ., for a kernel thread has no"
        " program file",
    )


def _blacklisted(rule: Rule, context: Context) -> Iterator[Diagnostic]:
    """A name that the pattern spells out, of a process that no matcher sees."""
    behaviour = context.behaviour
    if behaviour is None or not behaviour.blacklist or rule.match_type != "process_name":
        return
    if rule.ignore:
        return
    regex, hidden = context.regexes[rule.index], []
    for name in context.config.blacklist:
        found = regex.search(name)
        spelt = re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", regex.pattern)
        if spelt and found is not None and found.group(0) == name:
            hidden.append(visible(name[:_LONGEST]))
    if hidden:
        own = "process_blacklist" in _keys_of_proc(context)
        yield context.at_rule(
            rule,
            "blacklisted-name",
            f"process_blacklist holds {', '.join(hidden[:9])}{'' if own else ' by default'}",
            effect="the agent does not see processes of such a name, so no matcher takes them",
            hint="remove it from process_blacklist"
            if own
            else "write a process_blacklist without it, or remove it here",
        )


def _keys_of_proc(context: Context) -> tuple[str, ...]:
    return tuple(key.text for key in context.written.keys(context.written.section))


def _tagged(rule: Rule, context: Context) -> Iterator[Diagnostic]:
    if rule.only_with_tag and context.config.tag_exec and context.config.tag_exec_user:
        yield context.at_value(
            rule,
            "only_with_tag",
            "only-with-tag",
            "only_with_tag looks at a process's own entry in the output of the tag command",
            effect="processes that would inherit tags from a parent are not taken",
            hint="let the tag command list them, too, if they are wanted",
        )


def check_blacklist(context: Context) -> Iterator[Diagnostic]:
    """A blacklist that replaces the default one, and entries that no process can have."""
    behaviour = context.behaviour
    if behaviour is None or not behaviour.blacklist:
        return
    if "process_blacklist" not in _keys_of_proc(context):
        return
    lost = [name for name in default_blacklist() if name not in context.config.blacklist]
    if lost:
        yield context.at_setting(
            "process_blacklist",
            "blacklist-replaced",
            "a written process_blacklist replaces the default one",
            effect=f"matchers see processes named {', '.join(lost)} again",
            hint="add them to the list if they are not wanted",
        )
    for name in context.config.blacklist:
        if len(name.encode()) > 15 or ":" in name or name != name.strip() or not name:
            yield context.at_setting(
                "process_blacklist",
                "blacklist-entry",
                f'no process has the name "{visible(name[:_LONGEST])}"',
                effect="the entry hides nothing: a name has at most 15 bytes and ends before a"
                " colon",
                hint="write the name as it is in the line Name: of /proc/PID/status",
            )
        elif re.search(r"[*^$/\\]", name):
            yield context.at_setting(
                "process_blacklist",
                "blacklist-entry",
                f'"{visible(name[:_LONGEST])}" is compared as it is, not as a pattern or a path',
                effect="it hides only a process of exactly this name",
                hint="write the name as it is in the line Name: of /proc/PID/status",
            )
