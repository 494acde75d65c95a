"""Every public code: warnings, reasons and diagnostics. A code that is not here can't be given.

`docs/warnings.md` lists the warnings and reasons; `diagnostics/pages/` has a page for each
diagnostic.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from proccli.model.config import Severity
from proccli.model.outcome import Reason

if TYPE_CHECKING:
    from proccli.model.sockets import SocketReason

Lack: TypeAlias = Literal["processes", "owners", "sockets", "tags", "packets", "connections"]
"""What of the agent's view is missing from a result: with --strict that may end in exit code 4."""


class Warned(NamedTuple):
    """What a warning is about."""

    line: str
    lacks: Lack | None = None
    """What is not known here and the agent knows; None: nothing."""


WARNINGS: Final[Mapping[str, Warned]] = {
    # The configuration.
    "yaml-reader": Warned("PyYAML has no libyaml here, and may read some texts differently."),
    "no-config": Warned("No configuration is given, so the agent's defaults apply."),
    "no-static-config": Warned("The file has no `static_config` and no `os-proc-*` key."),
    "no-inputs": Warned("The file has no `inputs` section."),
    "other-half": Warned("The file has a section of another dialect, which the agent ignores."),
    "server-refuses": Warned("The server would refuse to save the configuration."),
    "server-unmeasured": Warned("What this server version does to the text is not known."),
    "text-after-nul": Warned("The agent stops reading at a NUL character."),
    "unknown-key": Warned("A key looks like one of the agent's, but the agent ignores it."),
    "lookalike-character": Warned(
        "A key or value has a character that only looks like another, such as a wide space."
    ),
    "null-is-text": Warned("The agent reads an empty value as the text `~` or `null`."),
    "server-changes-value": Warned("The server sends another value than the file contains."),
    "rule-thrown-away": Warned("The agent silently ignores a rule that is not valid."),
    "rule-without-effect": Warned("The agent reads `os-proc-regex` and applies no rule."),
    "tagged-only-without-effect": Warned(
        "The agent reads `os-proc-sync-tagged-only` and does not apply it."
    ),
    "config-rejected": Warned("`sync` keeps its configuration: the agent rejects the new one."),
    "config-changed": Warned("The configuration changed since the last run of `sync`."),
    "setting-differs": Warned("A setting apart from the rules differs between two configurations."),
    "config-unused": Warned(
        "A configuration is given, but all sources are outputs of `sync`, made with their own."
    ),
    "sync-disabled": Warned("`os-proc-sync-enabled` is false, so the agent sends nothing."),
    # Processes and sockets.
    "source-unreadable": Warned(
        "One of several sources can't be read and is left out.", "processes"
    ),
    "hidepid": Warned("The proc mount hides other users' processes.", "processes"),
    "ps-source": Warned("The output of ps does not contain all that the agent reads.", "processes"),
    "ps-truncated": Warned("Lines of the output of ps may be cut off."),
    "no-boot-time": Warned("The time of the boot is unknown, and so are start times and ages."),
    "unreadable": Warned("The agent can't read some processes, and skips them."),
    "unreadable-for-us": Warned("Processes can't be read here, but the agent may read them."),
    "owner-unknown-to-us": Warned(
        "The user and network namespace of processes can't be read without root.", "owners"
    ),
    "masked": Warned("The outcome of processes depends on a value that a recording masks."),
    "not-recorded": Warned(
        "The recording lacks what the chosen agent looks at, so outcomes are unknown.", "processes"
    ),
    "vanished": Warned(
        "Processes exited while they were read, as on every live machine; printed with `--debug`."
    ),
    "stat-missing": Warned("Processes have no readable `stat`: no parent and no start time."),
    "parent-cycle": Warned(
        "Processes are their own ancestors, which overflows the stack of the agent where it walks"
        " up; proccli ends the walk where the circle closes."
    ),
    "container-id-cut": Warned(
        "The name of a process's control group ends the agent, which cuts a container id out of it."
    ),
    "sockets-unreadable-for-us": Warned(
        "The sockets of processes can't be read without root.", "sockets"
    ),
    "sockets-unreadable": Warned("The sockets of processes can't be read, not even by the agent."),
    "sockets-left-early": Warned(
        "The agent looks at few processes for sockets: it stops at the second of a namespace."
    ),
    "tables-unreadable": Warned("Socket tables of network namespaces can't be read."),
    "sockets-without-process": Warned("Sockets have no visible owner."),
    "age-unknown": Warned("The age of sockets is unknown, so the agent may or may not send them."),
    # Names and tags.
    "own-environment": Warned("proccli's own environment is used instead of the agent's."),
    "env-unset": Warned("A variable in a `rewrite-name` is not set, so it becomes empty."),
    "env-unknown": Warned("A variable in a `rewrite-name` is not known here."),
    "tagged-only-without-tags": Warned(
        "`os-proc-sync-tagged-only` is on, and no process has tags: the agent sends none."
    ),
    "tags-unknown": Warned("The output of the tag command is not known here.", "tags"),
    "tag-exec-failed": Warned("The tag command fails, and the agent has no tags."),
    "tags-rejected": Warned("The agent rejects the output of the tag command, and has no tags."),
    "tags-pid-again": Warned("A pid has several entries in the tags; only the last one counts."),
    "no-tag-source": Warned("No tag command is configured, and `--tags` is not given."),
    "tags-without-process": Warned("Pids in the tags are not processes here."),
    "tags-empty-entry": Warned("Pids in the tags have an entry without tags."),
    "inherited-tags-unknown": Warned("The tags that processes would inherit are not known."),
    "title-as-arguments": Warned(
        "The arguments of a made-up process look like a rewritten title, which is one text."
    ),
    # sync.
    "unknown-left-out": Warned(
        "Processes with an unknown outcome are missing from the lists.", "processes"
    ),
    "tags-left-out": Warned("The tags of processes in the lists are not known.", "tags"),
    "another-boot": Warned("The state is of another boot or machine."),
    "state-damaged": Warned("The state cannot be used; it was renamed, and a new one is started."),
    # Several hosts.
    "host-listed-again": Warned("A host is listed more than once; it is recorded once."),
    "host-again": Warned("Two sources are of one host; the newer one is used."),
    "networks-collide": Warned("Several networks use the same addresses and ports."),
    "ambiguous": Warned("Connections are not joined: several processes have the same end."),
    "hosts-collapsed": Warned("Of many hosts, the processes of one name are shown as one."),
    "mermaid-limits": Warned("Mermaid's default limits are too small for the flowchart."),
    "shared-addresses": Warned("Several hosts of one network use an address."),
    "one-end": Warned(
        "Connections are seen at one end only, although a source has the other address."
    ),
    # A store of many hosts.
    "document-refused": Warned("A document or file can't be used."),
    "hosts-silent": Warned("Hosts have no recent document, so they don't count."),
    "hosts-ahead": Warned("Hosts have documents dated in the future, which don't count."),
    "host-confused": Warned("Documents of several machines have the same host name and network."),
    "audit-unlimited": Warned("The limits of queries can't be set, as the user is read-only."),
    "audit-version": Warned("The tables are those of another server version than the given one."),
    # label.
    "other-time": Warned("A source has the connections of flow records, but only at another time."),
    "untimed": Warned("Labelled records have no time."),
    "perhaps-pod": Warned("Processes are in containers, whose pod the server may know."),
    "flows-not-json": Warned("Lines are not JSON objects; they are passed through."),
    "flows-cells": Warned("Rows have more or fewer cells than columns; they are passed through."),
    "flows-open-quote": Warned("Rows open a quote that is never closed; they are passed through."),
    "flows-no-fields": Warned("Rows are before any `#fields` line; they are passed through."),
    "flows-no-addresses": Warned("No field is recognized as an address."),
    "flows-no-protocol": Warned("No field has a known name of the protocol."),
    "flows-zone": Warned("Times have no time zone, so they are not used."),
    "flows-time": Warned("Times can't be read, so they are not used."),
    # Captures.
    "capture-damaged": Warned("The rest of a capture can't be read.", "packets"),
    "capture-cut": Warned("TCP headers are cut off by the snapshot length.", "packets"),
    "capture-malformed": Warned("Packets have malformed headers.", "packets"),
    "capture-encapsulated": Warned("Encapsulated packets are skipped.", "packets"),
    "capture-link-type": Warned("Packets of an unsupported link type are skipped.", "packets"),
    "capture-evicted": Warned("Too many connections are open at once.", "connections"),
    "tot-none": Warned("A capture has no TOT options, which would name the sending processes."),
    "tot-limit": Warned("Options are not listed, because of `--limit`."),
    "tot-ambiguous": Warned(
        "Options contain an address or a sequence number; it is not known which."
    ),
    "tot-syn-ack": Warned(
        "Options are in a SYN-ACK, with the pid of whichever process was running."
    ),
    # regex.
    "not-utf8": Warned("A line of standard input is not UTF-8; it is left out."),
    "missing-group": Warned("The template refers to a group that the pattern does not have."),
}

REASONS: Final[Mapping[Reason, str]] = {
    "rule": "A rule decides.",
    "implicit-accept": "No rule matches, so the agent's own last rule accepts the process.",
    "ancestor": "A matcher took a descendant, and reports this process in its place.",
    "no-match": "No rule matches.",
    "ignore-matcher": "An ignore matcher keeps later matchers from taking it.",
    "blacklisted": "Its name is in `process_blacklist`.",
    "invisible": "The agent can't read or parse it.",
    "no-start-time": "Its start time can't be read.",
    "reported-as-ancestor": "An ancestor is reported in its place.",
    "no-cmdline": "It has no command line.",
    "cmdline-not-utf8": "Its command line is not UTF-8.",
    "no-name": "Its first argument contains no file name.",
    "min-lifetime": "It is younger than `os-proc-socket-min-lifetime`.",
    "future-start": "Its start time is in the future.",
    "untagged": "`os-proc-sync-tagged-only` is on, and it has no tags.",
    "unreadable": "It can't be read.",
    "tags-unknown": "The outcome depends on its tags, which are not known here.",
    "masked": "The outcome depends on a masked span of a recording.",
    "env-unknown": "The name depends on a variable that is not known here.",
    "not-recorded": "The source does not contain what the outcome depends on.",
}

SOCKET_REASONS: Final[Mapping[SocketReason, str]] = {
    "no-socket-sync": "The agent sends no sockets.",
    "process-not-accepted": "Its process is not accepted.",
    "unreadable": "The sockets of its process can't be read.",
    "no-owner": "It has no visible owner.",
    "listening": "It is listening.",
    "not-established": "Its connection is not established.",
    "min-lifetime": "It is younger than `os-proc-socket-min-lifetime`.",
    "udp-unconnected": "It is a UDP socket that is not connected.",
    "ipv6": "It is IPv6, which agents do not send.",
}

LABELS: Final[Mapping[str, str]] = {
    "no-host": "No source has this address.",
    "no-connection": "A source has this address, but not this connection.",
    "other-time": "A source has this connection at another time than the record's.",
    "ambiguous": "DeepFlow may show any of several processes.",
    "row-order": "DeepFlow shows this process or none, depending on the order of the agent's rows.",
    "sync-disabled": "The process is known, but its agent sends nothing.",
    "other-agent": "The server does not send this process to the agent that saw the flow.",
    "undecided": "Whether the agent sends the process is not known here.",
    "ipv6": "Agents do not send IPv6.",
    "other-protocol": "Neither TCP nor UDP, or the record does not say which.",
    "loopback": "A loopback connection, and the record does not say on which host.",
    "no-flow": "The record has no readable addresses and ports.",
    "no-process": "No process of the source has the option's pid.",
    "tot-syn-ack": "Only the SYN-ACK has an option; it names whichever process was running.",
    "tot-no-pid": "The options name pid 0.",
}
"""Why `label` finds no process; besides these, a reason of a process or socket."""

HostFailure: TypeAlias = Literal[
    "unreachable",
    "host-key",
    "refused",
    "sudo",
    "no-interpreter",
    "timeout",
    "truncated",
    "invalid",
    "failed",
]
HOST_FAILURES: Final[Mapping[HostFailure, str]] = {
    "unreachable": "ssh can't connect to it.",
    "host-key": "ssh does not know its host key, or knows another one.",
    "refused": "It refuses the user.",
    "sudo": "`sudo -n` is refused there.",
    "no-interpreter": "It has neither a Python nor a shell that starts.",
    "timeout": "It does not finish within `--timeout`.",
    "truncated": "Its output ends too early.",
    "invalid": "Its output is not a recording, or is more than a recording may hold.",
    "failed": "Its recording can't be evaluated or written here.",
}
"""Why `record --hosts` has no recording of a host."""

DIAGNOSTICS: Final[Mapping[str, Severity]] = {
    # The text, and how it is read.
    "unreadable": "error",
    "yaml-syntax": "error",
    "config-rejected": "error",
    "other-dialect": "error",
    "bootstrap-file": "error",
    "no-static-config": "warning",
    "no-inputs": "warning",
    "other-half": "warning",
    "server-refuses": "error",
    "server-unmeasured": "info",
    "text-after-nul": "warning",
    "unknown-key": "warning",
    "lookalike-character": "warning",
    "newer-key": "warning",
    "other-version-key": "warning",
    "server-changes-value": "warning",
    "null-is-text": "warning",
    "merge-key": "info",
    "second-document-lost": "warning",
    # Rules that the agent ignores, because they are not valid.
    "regex-syntax": "error",
    "regex-size": "error",
    "match-type": "error",
    "action": "error",
    "regex-older-agents": "info",
    # What a pattern matches.
    "empty-rule": "warning",
    "empty-regex": "warning",
    "never-matches": "error",
    "needs-line-break": "warning",
    "needs-space": "warning",
    "glob-pattern": "warning",
    "doubled-backslash": "warning",
    "not-itself": "warning",
    "unescaped-dot": "info",
    "kernel-thread": "info",
    "script-name": "warning",
    "title-changer": "warning",
    "login-shell": "warning",
    "title-in-name": "warning",
    # The name that a rewrite gives.
    "rewrite-group": "error",
    "rewrite-literal": "warning",
    "rewrite-percent": "warning",
    "rewrite-env": "info",
    "rewrite-env-unset": "warning",
    "rewrite-keeps-text": "warning",
    "rewrite-empty": "warning",
    "rewrite-many-names": "info",
    "rewrite-ignored": "warning",
    "rewrite-missing": "info",
    "match-needs-outside": "warning",
    # Which rules can be reached.
    "rule-without-effect": "error",
    "tagged-only-without-effect": "warning",
    "rule-unreachable": "error",
    "rule-duplicate": "error",
    "early-catch-all": "error",
    "rule-partly-shadowed": "info",
    "rule-undecided": "info",
    "rule-not-observed": "info",
    "no-rules": "info",
    "no-final-drop": "info",
    # Matchers of inputs.proc.
    "no-features": "error",
    "unknown-feature": "warning",
    "not-sent": "info",
    "socket-list-alone": "warning",
    "unknown-match-type": "warning",
    "container-only": "warning",
    "container-cgroup-v2": "info",
    "ignore-unsupported": "warning",
    "ignore-late": "warning",
    "ignore-nothing": "warning",
    "ignore-parent": "info",
    "matcher-ignored": "error",
    "name-overridden": "warning",
    "parent-is-sent": "warning",
    "filter-ignored": "warning",
    "kernel-threads-taken": "info",
    "only-with-tag": "info",
    "blacklisted-name": "warning",
    "blacklist-replaced": "info",
    "blacklist-entry": "warning",
    # What surrounds the rules.
    "sync-off": "warning",
    "tagged-only-untagged": "error",
    "tag-rule-untagged": "warning",
    "tag-exec-no-user": "error",
    "tag-exec-shell": "warning",
    "tag-exec-relative": "warning",
    "tag-exec-root": "warning",
    "tag-exec-no-timeout": "info",
    "tag-exec-missing": "info",
    "tag-user-missing": "info",
    "min-lifetime": "warning",
    "socket-interval": "warning",
    "sockets-off": "info",
    "sockets-broken": "warning",
    "sockets-need-ipv6": "info",
    "proc-dir-path": "warning",
    "change-stops": "warning",
    "rename-not-published": "info",
    # What an upgrade of the agent changes (check --compare).
    "upgrade-refused": "error",
    "upgrade-rule": "warning",
    "upgrade-setting": "info",
}
"""In the order of the pages."""


def lacking(code: str) -> Lack | None:
    """What is missing from a result with this warning; None also for a code of a recording."""
    warned = WARNINGS.get(code)
    return warned.lacks if warned is not None else None
