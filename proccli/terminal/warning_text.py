"""The words of warnings: one function for each code of `proccli.model.codes.WARNINGS`.

Nothing reads these sentences back; what a program needs of a warning is in its fields.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Final

from proccli.config.warning_words import WORDINGS, wording
from proccli.model.note import Counts, Note
from proccli.terminal.words import rfc3339
from proccli.text import agreeing, counted, listed, visible

PROBLEM_WORDS: Final[Mapping[str, str]] = {
    "gone": "exited while being read",
    "denied": "refused",
    "missing": "without the file",
    "not-recorded": "not recorded",
    "malformed": "malformed",
    "failed": "failed",
    "hidden-ancestor": "an ancestor is hidden",
}
"""By the code of what went wrong when a process was read."""
_LONGEST: Final = 300
"""Maximum characters of untrusted text in a message."""
_SHOWN_COLUMNS: Final = 8


def message(note: Note) -> str:
    """A warning as one sentence, for people and for `warnings` in JSON."""
    text = note.text if note.text is not None else _sentence(note)
    if note.source is None:
        return text
    if note.sources == 1:
        return f"{note.source}: {text}"
    return f"{text} ({note.sources:,} sources, first: {note.source})"


def _sentence(note: Note) -> str:
    place = f"{note.at}: " if note.at is not None else ""
    if note.code in WORDINGS:
        return place + wording(note).sentence
    return place + TEXTS[note.code](note)


def _sync_disabled(note: Note) -> str:
    key = note.fields.get("key", "os-proc-sync-enabled")
    host = note.string_or_none("host")
    if host is not None:
        return f"the agent of {host} sends nothing: {key} was false"
    if note.fields.get("nothing_listed"):
        return (
            f"{key} is false: the agent sends nothing, so nothing is listed"
            " (--assume-enabled lists it nevertheless)"
        )
    file = note.string_or_none("file")
    where = "" if file is None else f"{file}: "
    return f"{where}{key} is false: the agent sends none of this"


def _config_rejected(note: Note) -> str:
    hint = note.string_or_none("hint")
    more = f" ({hint})" if hint else ""
    return (
        f"{note.string('problem')}{more}: the agent keeps its previous configuration, and so"
        " does sync"
    )


def _config_changed(note: Note) -> str:
    effect = {
        "restart": "would restart to apply it",
        "next-scan": "applies it at its next scan, without a restart",
        "hot": "applies most settings without a restart",
        "stops": "publishes no processes after a change of matchers until it is restarted",
    }[note.string("effect")]
    return (
        "the configuration differs from that of the last run: agent"
        f" {note.string('agent')} {effect}"
    )


def _setting_differs(note: Note) -> str:
    before, after = (_yaml(note.fields[name]) for name in ("before", "after"))
    return f"{note.string('key')} was {before} and becomes {after}"


def _yaml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return "[" + ", ".join(map(str, value)) + "]"
    return str(value)


def _hidepid(note: Note) -> str:
    hiding = note.string("hidepid")
    effect = "refuses access to" if hiding == "noaccess" else "hides"
    return (
        f"{note.string('root')} is mounted with hidepid={hiding} and {effect} other users'"
        " processes: run proccli as root to see what the agent sees"
    )


def _ps_source(note: Note) -> str:
    parts = ["the output of ps does not tell programs, containers, users, start times and sockets,"]
    parts.append("nor where arguments end; outcomes that depend on them are unknown")
    lacking = note.strings("lacking")
    if lacking:
        parts[-1] += f", and so are those that depend on {listed(list(lacking))}"
    parts.append("(best: ps -ww -eo pid,ppid,user,comm,args). Line breaks are read as blanks;")
    parts.append("all processes count as old enough")
    return " ".join(parts)


def _ps_truncated(note: Note) -> str:
    lines = note.number("lines")
    return (
        f"{counted(lines, 'line')} of the output of ps may be cut off at {note.number('width')}"
        " characters: rules that need the rest are unknown (use ps -ww)"
    )


def _no_boot_time(note: Note) -> str:
    directory = note.string_or_none("directory")
    if directory is None:
        return "/proc/stat has no line btime: start times and ages are unknown"
    return (
        f"{directory} does not contain its time (btime in its file stat, and uptime): start times"
        " and ages are unknown"
    )


def _unreadable(note: Note) -> str:
    problems = note.counts("problems")
    return f"{_processes(_total(problems))} could not be read ({_problems(problems)})"


def _unreadable_for_us(note: Note) -> str:
    hint = "" if note.fields["privileged"] else "; the agent, as root, reads them"
    return f"{_unreadable(note)}{hint}{_again_as_root(note)}"


def _owner_unknown(note: Note) -> str:
    return (
        f"the user and the network namespace of {_processes(note.number('processes'))} cannot be"
        f" read without root (first: pid {note.number('first_pid')}); the agent, as root, reads"
        f" them{_again_as_root(note)}"
    )


def _again_as_root(note: Note) -> str:
    return ": record as root" if note.fields.get("recorded") else ""


def _stat_missing(note: Note) -> str:
    number = note.number("processes")
    if note.fields.get("not_sent"):
        return (
            f"{_processes(number)} {agreeing(number, 'has', 'have')} no readable stat (first: pid"
            f" {note.number('first_pid')}): no start time, so the agent does not send"
            f" {agreeing(number, 'it', 'them')}"
        )
    return (
        f"{_processes(number)} {agreeing(number, 'has', 'have')} no readable stat (first: pid"
        f" {note.number('first_pid')}): no parent and no start time, so the agent, too, treats"
        f" {agreeing(number, 'it', 'them')} as old enough"
    )


def _parent_cycle(note: Note) -> str:
    number = note.number("processes")
    return (
        f"{_processes(number)} {agreeing(number, 'is its own ancestor', 'are their own ancestors')}"
        f" (first: pid {note.number('first_pid')}), which no kernel shows: where agent"
        f" {note.string('agent')} walks up from"
        f" {agreeing(number, 'it', 'them')}, for a parent_process_name rule or to inherit tags, its"
        " stack overflows and it dies; proccli ends the walk where the circle closes"
    )


def _container_id_cut(note: Note) -> str:
    number = note.number("processes")
    return (
        f"the control group of {_processes(number)} (first: pid {note.number('first_pid')}) has a"
        f" name at which agent {note.string('agent')} ends: it cuts a container id of 64 bytes out"
        " of a text that is shorter, or within a character; proccli shows what it would send"
        " otherwise"
    )


def _sockets_unreadable_for_us(note: Note) -> str:
    return (
        f"the sockets of {_processes(note.number('processes'))} cannot be read without root"
        f" (first: pid {note.number('first_pid')}); the agent, as root, reads them"
        f"{_again_as_root(note)}"
    )


def _sockets_unreadable(note: Note) -> str:
    problems = note.counts("problems")
    return (
        f"the sockets of {_processes(_total(problems))} could not be read ({_problems(problems)});"
        " the agent sends none of them"
    )


def _sockets_left_early(note: Note) -> str:
    return (
        f"agent {note.string('agent')} stops looking for sockets at the second process of a network"
        " namespace: later processes send none, and count as not accepted here"
    )


def _tables_unreadable(note: Note) -> str:
    namespaces = counted(note.number("namespaces"), "network namespace")
    return (
        f"socket tables of {namespaces} could not be read (first: {note.string('table')},"
        f" {note.string('detail')}); the agent sends none of their sockets"
    )


def _sockets_without_process(note: Note) -> str:
    number = note.number("sockets")
    why = (
        "of the kernel, of a process that has exited, or outside of this pid namespace"
        if note.fields["sees_all"]
        else "probably of other users: try as root"
    )
    return f"{counted(number, 'socket')} {agreeing(number, 'has', 'have')} no visible owner ({why})"


def _age_unknown(note: Note) -> str:
    why = {
        "one-look": "this snapshot contains only one sample",
        "no-wait": "only one sample was taken (--no-wait)",
        "max-wait": (
            f"{note.fields.get('key', 'os-proc-socket-min-lifetime')} is"
            f" {note.fields['min_lifetime_s']} s, and --max-wait"
            f" {note.fields['max_wait_s']:g} s"
        ),
    }[note.string("why")]
    sockets = counted(note.number("sockets"), "socket")
    return f"the age of {sockets} is unknown, and so whether the agent sends it: {why}"


def _unknown_left_out(note: Note) -> str:
    reasons = note.counts("reasons")
    number = _total(reasons)
    numbered = ", ".join(f"{count} {reason}" for reason, count in reasons)
    return (
        f"{_processes(number)} {agreeing(number, 'is', 'are')} left out: whether the agent sends"
        f" {agreeing(number, 'it', 'them')} is not known here ({numbered}; first: pid"
        f" {note.number('first_pid')})"
    )


def _tags_left_out(note: Note) -> str:
    number = note.number("processes")
    has = agreeing(number, "has", "have")
    return (
        f"{_processes(number)} {has} tags that are not known here:"
        f" {agreeing(number, 'its', 'their')} os_app_tags and the digest are null"
    )


def _own_environment(note: Note) -> str:
    return (
        f"no deepflow-agent runs here: {_variables(note)} in a rewrite is taken from proccli's"
        " own environment (--env NAME=VALUE overrides)"
    )


def _env_unset(note: Note) -> str:
    origin = note.string("origin")
    return f"{_variables(note)} is not set in {origin}: it becomes empty in names"


def _env_unknown(note: Note) -> str:
    tests = note.string_or_none("tests")
    if tests is not None:
        return f"{_variables(note)} is not known: give it under env: in {tests}"
    return (
        f"{_variables(note)} is not known from {note.string('origin')}: give it with --env"
        " NAME=VALUE, or the names stay unknown"
    )


def _title_as_arguments(note: Note) -> str:
    title = visible(shlex.quote(note.string("title")[:_LONGEST]))
    return (
        f"the first argument is {visible(note.string('first')[:_LONGEST])}; if this is a rewritten"
        f" title, which is one text, use --title {title}"
    )


def _not_recorded(note: Note) -> str:
    return (
        f"the outcome of {_processes(note.number('processes'))} is unknown: the recording's format"
        f" lacks {listed(note.strings('fields'))}, which agent {note.string('agent')} looks at:"
        " record again with this version of proccli"
    )


def _masked(note: Note) -> str:
    number = note.number("processes")
    return (
        f"the outcome of {_processes(number)} depends on masked values (first: pid"
        f" {note.number('first_pid')}): record again with -c and this configuration, or, if that"
        " was done, with --no-redact"
    )


def _vanished(note: Note) -> str:
    parts = [
        f"{counted(note.number(name), noun)} {what}"
        for name, noun, what in (
            ("processes", "process", "exited while being read"),
            ("sockets", "process", "exited before its sockets were read"),
            ("namespaces", "network namespace", "ended before its sockets were read"),
        )
        if note.number(name)
    ]
    return " and ".join(parts)


def _tags_unknown(note: Note) -> str:
    command = note.fields.get("command", "os-app-tag-exec")
    detail = note.string_or_none("detail")
    output = "give its output with --tags FILE"
    why, hint = {
        "not-recorded": ("the recording does not contain them", output),
        "not-live": (f"{command} runs only on the live machine", output),
        "not-wanted": (f"{command} was not run (--no-tag-exec)", output),
        "not-trusted": (
            f"{command} was not run: {detail}",
            "--run-tag-exec runs it nevertheless, --tags FILE reads its output",
        ),
        "undecided": (f"{command}: {detail}", None),
    }[note.string("why")]
    return f"tags are unknown: {why}" + (f"; {hint}" if hint else "")


def _tags_lost(note: Note, who: str = "") -> str:
    if note.fields.get("all_lost"):
        return f"{who}{note.string('problem')}; while it fails, the agent sends no process at all"
    effect = "the agent continues without tags"
    if note.fields["tagged_only"]:
        effect += ", and with os-proc-sync-tagged-only it sends no process"
    return f"{who}{note.string('problem')}; {effect}"


def _tag_exec_failed(note: Note) -> str:
    return _tags_lost(note, who=f"{note.fields.get('key', 'os-app-tag-exec')}: ")


def _tags_pid_again(note: Note) -> str:
    if "more_pids" in note.fields:
        more = note.number("more_pids")
        return f"{counted(more, 'more pid')} {agreeing(more, 'has', 'have')} several entries"
    lost, more = note.strings("lost"), note.number("lost_more")
    text = (
        f"{note.string('file')}:{note.number('line')}: pid {note.number('pid')} has several"
        " entries, and only this last one counts"
    )
    if not lost:
        return text
    shown = visible(", ".join(lost))[:_LONGEST]
    return f"{text}; lost: {shown}{f' and {more} more' if more else ''}"


def _tags_without_process(note: Note) -> str:
    return (
        f"{note.number('pids')} of {note.number('of_pids')} pids are not processes here (first:"
        f" {note.number('first_pid')}): their tags are not used"
    )


def _tags_empty_entry(note: Note) -> str:
    pids = note.number("pids")
    return (
        f"{counted(pids, 'pid')} {agreeing(pids, 'has an entry', 'have entries')} without tags"
        f" (first: {note.number('first_pid')}): {agreeing(pids, 'it counts', 'they count')} as"
        " tagged nevertheless"
    )


def _inherited_tags_unknown(note: Note) -> str:
    return (
        f"the tags that {_processes(note.number('processes'))} would inherit are not known"
        f" (first: pid {note.number('first_pid')}): they depend on processes with an unknown"
        " outcome"
    )


def _host_listed_again(note: Note) -> str:
    return f"{note.string('host')} is listed more than once; it is recorded once"


def _host_again(note: Note) -> str:
    older, newer = note.string("older"), note.string("newer")
    return (
        f"{older} and {newer} are both of host {note.string('host')}: the newer one is used,"
        f" {newer} (if these are two hosts, name their networks with -s NETWORK=PATH)"
    )


def _config_unused(note: Note) -> str:
    return (
        f"{note.string('file')} is not used: all sources are outputs of proccli sync, each made"
        " with the configuration of its host"
    )


def _networks_collide(note: Note) -> str:
    pairs = note.number("pairs")
    noun = counted(pairs, "pair of addresses and ports", "pairs of addresses and ports")
    return (
        f"{noun} {agreeing(pairs, 'is', 'are')} used in several networks; the server treats them as"
        " one connection, and its labels may be wrong"
    )


def _ambiguous(note: Note) -> str:
    return (
        f"{_connections(note)} not joined: several processes have the same end, with equal"
        " addresses and ports. If the hosts are in different networks, name those with"
        " -s NETWORK=PATH"
    )


def _shared_addresses(note: Note) -> str:
    first, *others = note.strings("addresses")
    more = f" and {counted(len(others), 'more address')}" if others else ""
    return (
        f"several hosts of one network use {first}{more}: if these are different networks, name"
        " them with -s NETWORK=PATH"
    )


def _one_end(note: Note) -> str:
    text = (
        f"{_connections(note)} seen at one end only, although a source has the remote address:"
        " opened or closed between two samples, translated on the way (NAT), or not visible there"
    )
    if "apart_s" not in note.fields:
        return text
    apart = timedelta(seconds=note.number("apart_s"))
    first, last = note.string("first_source"), note.string("last_source")
    return (
        f"{text}. By their own clocks the sources are up to {apart} apart ({first} first, {last}"
        " last)"
    )


def _other_time(note: Note) -> str:
    return (
        f"{_sides(note)} of connections that a source has, but at another time than the record's:"
        " the same addresses and ports may have belonged to another process then"
        f" (--within {note.fields['within_s']:g} sets the tolerance in seconds)"
    )


def _untimed(note: Note) -> str:
    records = note.number("records")
    return (
        f"{counted(records, 'labelled record')} {agreeing(records, 'has', 'have')} no time: the"
        " label holds for the moment of its source"
    )


def _perhaps_pod(note: Note) -> str:
    return (
        f"{_sides(note)} of processes in containers: where the server knows a container's pod,"
        " auto_instance is the pod, so it is left open"
    )


def _flow_records(note: Note, singular: str, plural: str) -> str:
    records, lines = note.number("records"), note.strings("lines")
    more = ",…" if records > len(lines) else ""
    what = agreeing(records, singular, plural)
    return f"{note.string('file')}:{','.join(lines)}{more}: {records} {what} without labels"


def _flows_no_addresses(note: Note) -> str:
    return (
        f"{note.string('file')}: no address column among {_columns(note)}: name the"
        " fields with --fields ip_0=NAME,port_0=NAME,ip_1=NAME,port_1=NAME"
    )


def _flows_no_protocol(note: Note) -> str:
    return (
        f"{note.string('file')}: no protocol column among {_columns(note)}: name the"
        " field with --fields protocol=NAME"
    )


def _flows_zone(note: Note) -> str:
    times = note.number("times")
    return (
        f"{note.string('file')}: {counted(times, 'time')} without a time zone"
        f" {agreeing(times, 'is', 'are')} not used: give the zone with zone=UTC or zone=+08:00 in"
        " --fields"
    )


def _flows_time(note: Note) -> str:
    times = note.number("times")
    return (
        f"{note.string('file')}: {counted(times, 'unreadable time')}"
        f" {agreeing(times, 'is', 'are')} not used"
    )


def _capture_damaged(note: Note) -> str:
    return f"{note.string('file')}: {note.string('problem')}; only the part before it was read"


def _capture_cut(note: Note) -> str:
    headers = note.number("headers")
    return (
        f"{note.string('file')}: {counted(headers, 'TCP header')}"
        f" {agreeing(headers, 'was', 'were')} cut off by the capture's snapshot length, and options"
        " may be missing (capture with -s 0)"
    )


def _capture_malformed(note: Note) -> str:
    packets = counted(note.number("packets"), "packet")
    return f"{note.string('file')}: {packets} with malformed headers"


def _capture_encapsulated(note: Note) -> str:
    kinds = ", ".join(f"{kind} {count:,}" for kind, count in note.counts("kinds"))
    return f"{note.string('file')}: encapsulated packets were skipped: {kinds}"


def _capture_link_type(note: Note) -> str:
    packets = note.number("packets")
    return (
        f"{note.string('file')}: {counted(packets, 'packet')} of the unsupported link type"
        f" {note.number('link_type')} {agreeing(packets, 'was', 'were')} skipped"
    )


def _capture_evicted(note: Note) -> str:
    return (
        f"{note.string('file')}: too many connections were open at once:"
        f" {note.number('connections'):,} were printed before they ended, and their later"
        " packets are in further lines"
    )


def _tot_none(note: Note) -> str:
    if note.fields["sides"] is not None:
        sides = note.number("sides")
        return (
            f"{counted(sides, 'side')} of captured connections"
            f" {agreeing(sides, 'is', 'are')} in no source at that time, and the capture has no TOT"
            " options: record the hosts while the connections exist (proccli record), or run TCP"
            " option tracing on them"
        )
    if not note.number("syns"):
        return (
            "no TOT options, and no SYN segments, which have most of them: capture connections from"
            " their start"
        )
    return (
        f"no TOT options in {counted(note.number('syns'), 'SYN segment')}: the senders probably do"
        " not use TCP option tracing. proccli label finds processes by their sockets, with"
        " recordings of the hosts (-s)"
    )


def _tot_limit(note: Note) -> str:
    options = note.number("options")
    return (
        f"{_options(note)} {agreeing(options, 'is', 'are')} not listed: there are more than"
        f" {note.number('limit'):,} lines (--limit)"
    )


def _tot_ambiguous(note: Note) -> str:
    return (
        f"{_options(note)} of 12 bytes: an address or a sequence number; it is not known which,"
        " because it is not the segment's own"
    )


def _tot_syn_ack(note: Note) -> str:
    return (
        f"{_options(note)} in a SYN-ACK: the kernel sends it, and the pid is that of whatever"
        " process ran on the CPU"
    )


def _state_damaged(note: Note) -> str:
    return (
        f"the state {note.string('path')} cannot be used ({note.string('problem')}): it was"
        f" moved to {note.string('moved_to')}, and this run starts a new one"
    )


def _not_utf8(note: Note) -> str:
    return f"{note.string('file')}:{note.number('line')}: not UTF-8, left out"


def _missing_group(note: Note) -> str:
    return (
        f"the pattern has no group {note.fields['group']}: it becomes empty in"
        f" {note.string('template')}"
    )


def _fixed(text: str, _note: Note) -> str:
    return text


def _processes(number: int) -> str:
    return counted(number, "process")


def _connections(note: Note) -> str:
    number = note.number("connections")
    return f"{counted(number, 'connection')} {agreeing(number, 'is', 'are')}"


def _sides(note: Note) -> str:
    number = note.number("sides")
    return f"{counted(number, 'side')} {agreeing(number, 'is', 'are')}"


def _options(note: Note) -> str:
    return counted(note.number("options"), "option")


def _total(problems: Counts) -> int:
    return sum(count for _, count in problems)


def _problems(problems: Counts) -> str:
    worded = sorted((PROBLEM_WORDS[problem], count) for problem, count in problems)
    return ", ".join(f"{count} {words}" for words, count in worded)


def _variables(note: Note) -> str:
    return ", ".join(f"%{visible(name)}%" for name in note.strings("names"))


def _columns(note: Note) -> str:
    """The first column names, quoted."""
    names = note.strings("columns")
    shown = ", ".join(map(ascii, names[:_SHOWN_COLUMNS]))
    return f"{shown}, …" if len(names) > _SHOWN_COLUMNS else shown


def _hosts_silent(note: Note) -> str:
    count = note.number("hosts")
    have = agreeing(count, "has", "have")
    return (
        f"{counted(count, 'host')}, e.g. {note.string('host')}, {have} no document since"
        f" {rfc3339(note.number('since_s'))} and {agreeing(count, 'does', 'do')} not count"
        " (--max-age includes older documents; proccli fleet hosts --silent lists them)"
    )


def _hosts_ahead(note: Note) -> str:
    count = note.number("hosts")
    return (
        f"{counted(count, 'host')}, e.g. {note.string('host')}, {agreeing(count, 'has', 'have')}"
        " documents dated in the future, which do not count: correct the clocks (--at asks about"
        " that time)"
    )


def _host_confused(note: Note) -> str:
    return (
        f"several machines are named {note.string('host')}: only the newest document counts, of"
        " whichever machine (load them as NETWORK=SOURCE, or give them different names)"
    )


TEXTS: Final[Mapping[str, Callable[[Note], str]]] = {
    "no-config": partial(
        _fixed, "no configuration given (-c FILE): the agent's built-in defaults apply"
    ),
    "config-rejected": _config_rejected,
    "config-changed": _config_changed,
    "setting-differs": _setting_differs,
    "sync-disabled": _sync_disabled,
    "hidepid": _hidepid,
    "ps-source": _ps_source,
    "ps-truncated": _ps_truncated,
    "no-boot-time": _no_boot_time,
    "unreadable": _unreadable,
    "unreadable-for-us": _unreadable_for_us,
    "not-recorded": _not_recorded,
    "masked": _masked,
    "vanished": _vanished,
    "owner-unknown-to-us": _owner_unknown,
    "stat-missing": _stat_missing,
    "parent-cycle": _parent_cycle,
    "container-id-cut": _container_id_cut,
    "sockets-unreadable-for-us": _sockets_unreadable_for_us,
    "sockets-unreadable": _sockets_unreadable,
    "sockets-left-early": _sockets_left_early,
    "tables-unreadable": _tables_unreadable,
    "sockets-without-process": _sockets_without_process,
    "age-unknown": _age_unknown,
    "own-environment": _own_environment,
    "env-unset": _env_unset,
    "env-unknown": _env_unknown,
    "tagged-only-without-tags": partial(
        _fixed,
        "os-proc-sync-tagged-only is on, but there is no source of tags: the agent sends no process"
        " (configure os-app-tag-exec, or give --tags)",
    ),
    "title-as-arguments": _title_as_arguments,
    "tags-unknown": _tags_unknown,
    "tag-exec-failed": _tag_exec_failed,
    "tags-rejected": _tags_lost,
    "tags-pid-again": _tags_pid_again,
    "no-tag-source": partial(
        _fixed, "there are no tags: no os-app-tag-exec is configured, and --tags is not given"
    ),
    "tags-without-process": _tags_without_process,
    "tags-empty-entry": _tags_empty_entry,
    "inherited-tags-unknown": _inherited_tags_unknown,
    "unknown-left-out": _unknown_left_out,
    "tags-left-out": _tags_left_out,
    "config-unused": _config_unused,
    "source-unreadable": lambda note: note.string("problem"),
    "another-boot": partial(
        _fixed,
        "the state is of another boot or machine: all of its processes count as removed,"
        " regardless of their pids",
    ),
    "state-damaged": _state_damaged,
    "yaml-reader": partial(
        _fixed,
        "PyYAML was built without libyaml here: it may read tabs and byte order marks differently"
        " from the agent",
    ),
    "host-listed-again": _host_listed_again,
    "host-again": _host_again,
    "networks-collide": _networks_collide,
    "ambiguous": _ambiguous,
    "shared-addresses": _shared_addresses,
    "hosts-collapsed": lambda note: (
        f"{note.number('hosts'):,} hosts: processes of the same name are shown as one"
        " (--group-by gprocess shows each host)"
    ),
    "mermaid-limits": lambda note: (
        f"{note.number('lines'):,} lines in {note.number('characters'):,} characters: by default,"
        f" Mermaid draws at most {note.number('most_lines')} lines of"
        f" {note.number('most_characters'):,} characters; use --top N, or raise maxEdges and"
        " maxTextSize"
    ),
    "one-end": _one_end,
    "document-refused": lambda note: f"{note.string('place')}: {note.string('problem')}",
    "hosts-silent": _hosts_silent,
    "hosts-ahead": _hosts_ahead,
    "host-confused": _host_confused,
    "audit-unlimited": partial(
        _fixed,
        "the user may not change settings (readonly = 1): queries have the limits of its profile,"
        " and if skip_unavailable_shards is 1 there, answers may be partial",
    ),
    "audit-version": lambda note: (
        f"the tables look like those of server {note.string('found')},"
        f" not {note.string('given')} (--server)"
    ),
    "other-time": _other_time,
    "untimed": _untimed,
    "perhaps-pod": _perhaps_pod,
    "flows-not-json": partial(
        _flow_records,
        singular="line is not a JSON object; passed through",
        plural="lines are not JSON objects; passed through",
    ),
    "flows-cells": partial(
        _flow_records,
        singular="row has more or fewer cells than there are columns; passed through",
        plural="rows have more or fewer cells than there are columns; passed through",
    ),
    "flows-open-quote": partial(
        _flow_records,
        singular="row opens a quote that is never closed; passed through",
        plural="rows open quotes that are never closed; passed through",
    ),
    "flows-no-fields": partial(
        _flow_records,
        singular="row is before any #fields line; passed through",
        plural="rows are before any #fields line; passed through",
    ),
    "flows-no-addresses": _flows_no_addresses,
    "flows-no-protocol": _flows_no_protocol,
    "flows-zone": _flows_zone,
    "flows-time": _flows_time,
    "capture-damaged": _capture_damaged,
    "capture-cut": _capture_cut,
    "capture-malformed": _capture_malformed,
    "capture-encapsulated": _capture_encapsulated,
    "capture-link-type": _capture_link_type,
    "capture-evicted": _capture_evicted,
    "tot-none": _tot_none,
    "tot-limit": _tot_limit,
    "tot-ambiguous": _tot_ambiguous,
    "tot-syn-ack": _tot_syn_ack,
    "not-utf8": _not_utf8,
    "missing-group": _missing_group,
}
