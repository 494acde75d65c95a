"""Which rules the agent ignores, and which of the texts of its match type a pattern can match."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from proccli import rustregex
from proccli.agent.process import file_name
from proccli.config.warning_words import rule_problem_wording
from proccli.diagnostics.context import LONGEST_PATTERN, Context
from proccli.diagnostics.mistakes import KERNEL_THREADS
from proccli.diagnostics.subjects import ARGUMENTS, CMDLINES, EVERY, NAMES, SUBJECTS
from proccli.model.config import Diagnostic, Rule
from proccli.rustregex.automata.domain import Domain, texts_without
from proccli.rustregex.parse.release_1_6 import rejected_by_1_6
from proccli.rustregex.tree.charset import normalize, subtract
from proccli.text import visible
from proccli.versions import OLDER_REGEX_CRATE

_WORKERS: Final[Mapping[str, Sequence[str]]] = {
    "nginx": (
        "nginx: worker process",
        "nginx: master process /usr/sbin/nginx -g daemon off;",
    ),
    "php-fpm": ("php-fpm: pool www",),
    "postgres": ("postgres: checkpointer", "postgres: shop shop 10.0.0.5(41000) idle"),
    "sshd": ("sshd: root [priv]",),
    "redis-server": ("redis-server *:6379",),
    "gunicorn": ("gunicorn: worker [shop]",),
    "dovecot": ("dovecot: anvil",),
    "proftpd": ("proftpd: (accepting connections)",),
    "vsftpd": ("vsftpd: connected",),
    "sendmail": ("sendmail: accepting connections",),
    "puma": (
        "puma 5.6.5 (tcp://0.0.0.0:3000) [shop]",
        "puma: cluster worker 0: 4242 [shop]",
    ),
    "unicorn": ("unicorn worker[0] -c /opt/shop/config/unicorn.rb -D",),
    "celery": ("[celeryd: celery@web-1:MainProcess] -active- (worker -A shop)",),
    "sidekiq": ("sidekiq 8.0.8 shop [0 of 5 busy]",),
    "pm2": ("PM2 v5.3.0: God Daemon (/root/.pm2)",),
    "PM2": ("PM2 v5.3.0: God Daemon (/root/.pm2)",),
    "node": ("node /opt/shop/app.js",),
    "uwsgi": ("uWSGI worker 1",),
    "chrome": ("/opt/google/chrome/chrome --type=renderer --lang=en-US",),
    "code": ("/usr/share/code/code --type=utility --lang=en-US",),
    "zabbix_agentd": ("/usr/sbin/zabbix_agentd: collector [idle 1 sec]",),
    "avahi-daemon": ("avahi-daemon: running [web-1.local]",),
}
"""Programs, and the titles that they, or their launcher, write over their arguments."""
_PARENTS: Final[Mapping[str, Sequence[str]]] = {
    "nginx": (
        "nginx: master process nginx",
        "nginx: master process /usr/sbin/nginx -g daemon off;",
    ),
    "php-fpm": ("php-fpm: master process (/etc/php/8.3/fpm/php-fpm.conf)",),
    "sshd": ("sshd -D [listener] 0 of 10-100 startups",),
    "gunicorn": ("gunicorn: master [shop]",),
    "puma": ("puma 5.6.5 (tcp://0.0.0.0:3000) [shop]",),
    "unicorn": ("unicorn master -c /opt/shop/config/unicorn.rb -D",),
    "celery": ("[celeryd: celery@web-1:MainProcess] -active- (worker -A shop)",),
    "pm2": ("PM2 v5.3.0: God Daemon (/root/.pm2)",),
    "PM2": ("PM2 v5.3.0: God Daemon (/root/.pm2)",),
    "uwsgi": ("uWSGI master",),
}
"""The same for their parent processes.

Source: agent v6.5 linux_process.rs:128-133, run on the titles: the text after the last slash
of `nginx: master process /usr/sbin/nginx -g daemon off;` is `nginx -g daemon off;`. The titles are
those of puma's Launcher and Cluster, unicorn's proc_name, celery's platforms.set_process_title,
sidekiq's heartbeat, PM2's God daemon and ProcessContainer, uwsgi's auto-procname, Chromium's
zygote and Electron, zabbix_setproctitle and avahi's set_proc_title.
"""
_SHELLS: Final = ("bash", "sh", "zsh", "fish", "dash", "ksh", "tcsh", "csh")

_IGNORED: Final = "the agent silently ignores the rule; the other rules keep their order"
_NO_SPACE: Final = texts_without("\0/\n ", min_length=1)
_LINE_BREAK: Final = ((10, 10),)
_SCRIPT: Final = r"\.(py|pyc|sh|bash|rb|pl|js|mjs|php|lua|jar|war)\b"
_SCRIPT_NAME: Final = rustregex.compile(_SCRIPT)
_NO_SCRIPT: Final = replace(NAMES, avoiding=(*NAMES.avoiding, _SCRIPT))
_TITLE: Final = rf"[:\[*(]|^({'|'.join(_WORKERS)})"
_NO_TITLE: Final = replace(NAMES, avoiding=(*NAMES.avoiding, _TITLE))
"""Names of programs that rewrite their titles contain such text: `nginx: worker process`."""


def check(context: Context, samples: Mapping[int, str]) -> Iterator[Diagnostic]:
    """Patterns that match everything, nothing, or other texts than intended."""
    for rule in context.config.rules:
        if not rule.places and not rule.match_regex:
            yield _empty_rule(rule, context)
        elif rule.problem is None and not rule.match_regex:
            yield _empty_regex(rule, context)
        elif rule.problem is None:
            yield from _possible(rule, samples.get(rule.index), context)


def _empty_rule(rule: Rule, context: Context) -> Diagnostic:
    return context.at_rule(
        rule,
        "empty-rule",
        f"{context.keys.rule} {rule.index} has no values",
        effect="it accepts every process, so the rules after it are never reached"
        if context.behaviour is None
        else "it takes every process"
        if context.config.dialect == "static_config"
        else "it has no enabled_features, so it does nothing",
        hint="add the values, or delete the rule together with its dash",
    )


def _empty_regex(rule: Rule, context: Context) -> Diagnostic:
    keys = context.keys
    effect = None
    if rule.match_type not in ("parent_process_name", "tag"):
        effect = "the rules after it are never reached"
    if context.behaviour is not None:
        rewritten = f', and each gets the name "{visible(rule.rewrite_name[:60])}"'
        effect = f"it takes every process{rewritten if rule.rewrite_name else ''}"
        if rule.ignore:
            effect = "no later matcher of its features takes any process"
    return context.at_value(
        rule,
        keys.regex,
        "empty-regex",
        f"an empty {keys.regex} matches everything"
        if keys.regex in rule.places
        else f"{keys.rule} {rule.index} has no {keys.regex}, so it matches everything",
        effect=effect,
        hint="write .* if this is intended",
    )


def _possible(rule: Rule, sample: str | None, context: Context) -> Iterator[Diagnostic]:
    """`sample` is a text that the rule matches; it often makes a search unnecessary."""
    pattern, domain = rule.match_regex, context.domain(rule)
    usual = sample is not None and "\n" not in sample
    if context.texts == "inputs.proc" and _can_match(context, pattern, EVERY[rule.match_type]):
        usual = usual or not _can_match(context, pattern, domain)
    if not usual and not _can_match(context, pattern, _lines(domain)):
        if _can_match(context, pattern, _with_breaks(domain)):
            yield _needs_line_break(rule, context)
        else:
            yield _never_matches(rule, context)
    elif context.behaviour is not None:
        if rule.match_type == "cmdline":
            yield from _improbable_name(rule, sample, context)
        elif rule.match_type not in ("cmdline_with_args", "tag"):
            yield from _title(rule, sample, context)
    elif rule.match_type in ("process_name", "parent_process_name"):
        yield from _improbable_name(rule, sample, context)


def _title(rule: Rule, sample: str | None, context: Context) -> Iterator[Diagnostic]:
    """A pattern for the title of a login shell, where the name is not taken from it."""
    other = replace(context.domain(rule), avoiding=(*context.domain(rule).avoiding, "^-"))
    if (sample or "-").startswith("-") and not _can_match(context, rule.match_regex, other):
        yield context.at_value(
            rule,
            context.keys.regex,
            "title-in-name",
            "only a title begins with a dash, and the name of a process is not taken from it",
            effect="a login shell has the name bash, so the matcher hardly ever hits",
            hint=f"leave the dash out, or write {context.typed('cmdline_with_args')}",
        )


def _lines(domain: Domain) -> Domain:
    return replace(domain, characters=subtract(domain.characters, _LINE_BREAK))


def _with_breaks(domain: Domain) -> Domain:
    return replace(domain, characters=normalize((*domain.characters, *_LINE_BREAK)))


def _never_matches(rule: Rule, context: Context) -> Diagnostic:
    return context.at_value(
        rule,
        context.keys.regex,
        "never-matches",
        f"this pattern can never match {SUBJECTS[context.texts][rule.match_type]}",
        effect=f"the {context.keys.rule} never hits",
        hint=_instead(rule, context),
    )


def _needs_line_break(rule: Rule, context: Context) -> Diagnostic:
    at_end = rule.match_regex.endswith("\n")
    return context.at_value(
        rule,
        context.keys.regex,
        "needs-line-break",
        "this pattern requires a line break",
        effect="process names and command lines rarely contain one, so the rule hardly ever hits",
        hint="write |- instead of |, which keeps the final line break as part of the pattern"
        if at_end
        else None,
    )


def _instead(rule: Rule, context: Context) -> str | None:
    if context.behaviour is not None:
        return _other_type(rule, context)
    if rule.match_type in ("process_name", "parent_process_name"):
        if rule.match_type == "process_name" and _can_match(context, rule.match_regex, CMDLINES):
            return "a name contains no slash: write match-type: cmdline, or remove the directory"
        return "a name is the last part of argv[0], without any slash"
    if rule.match_type == "tag":
        return "each tag is matched separately, as key:value"
    return None


def _other_type(rule: Rule, context: Context) -> str | None:
    """What inputs.proc offers for a pattern that matches no text of its type."""
    fits = rule.match_type in ("process_name", "cmdline")
    fits = fits and not rule.match_regex.lstrip("^[").startswith(KERNEL_THREADS)
    fits = fits and _can_match(context, rule.match_regex, CMDLINES)
    write = f": write {context.typed('cmdline_with_args')}" if fits else ""
    if rule.match_type in ("process_name", "parent_process_name"):
        return f"a name has at most 15 bytes and ends before a colon{write}"
    if rule.match_type == "cmdline":
        return f"cmdline is the file name of the program, without directories{write}"
    return "each tag is matched separately, as key:value" if rule.match_type == "tag" else None


def _improbable_name(rule: Rule, sample: str | None, context: Context) -> Iterator[Diagnostic]:
    pattern = rule.match_regex
    arguments = ARGUMENTS[context.texts]
    scripts = sample is None or _SCRIPT_NAME.is_match(sample)
    if scripts and not _can_match(context, pattern, _NO_SCRIPT):
        yield context.at_value(
            rule,
            context.keys.regex,
            "script-name",
            "this pattern matches only script names, but a script has the name of its interpreter",
            effect="the process is named python3, java or bash, so the"
            f" {context.keys.rule} hardly ever hits",
            hint=f"write {context.typed(arguments)}",
        )
        return
    spaces = sample is None or " " in sample
    if (
        spaces
        and not _can_match(context, pattern, _NO_SPACE)
        and _can_match(context, pattern, _NO_TITLE)
    ):
        yield _needs_space(rule, context)


def _needs_space(rule: Rule, context: Context) -> Diagnostic:
    example = context.find(context.domain(rule), matching=[rule.match_regex]).text or ""
    newer = context.behaviour is not None
    what = "cmdline is only the file name of the program" if newer else ""
    hint = f"write {context.typed(ARGUMENTS[context.texts])} to match arguments"
    if rule.match_type == "parent_process_name":
        hint = "parents are matched by name only, not by command line"
    return context.at_value(
        rule,
        context.keys.regex,
        "needs-space",
        f'this pattern requires a space, as in "{visible(example[:60])}",'
        f" but {what or 'a process_name is only argv[0]'}",
        effect="file names of programs hardly ever have spaces"
        if newer
        else "only processes that rewrite their titles have spaces in their names",
        hint=hint,
    )


def _can_match(context: Context, pattern: str, domain: Domain) -> bool:
    """Whether there is such a text; also true if the search reached its limit."""
    found = context.find(domain, matching=[pattern])
    return found.text is not None or not found.decided


def check_titles(context: Context) -> Iterator[Diagnostic]:
    """Patterns for a program name that its processes do not have."""
    for rule in context.rules:
        if rule.match_type in ("process_name", "parent_process_name"):
            yield from _titles(rule, context)
            yield from _shells(rule, context)


def _titles(rule: Rule, context: Context) -> Iterator[Diagnostic]:
    known = _WORKERS if rule.match_type == "process_name" else _PARENTS
    for program, titles in known.items():
        missed = [title for title in titles if _misses(rule, program, title, context)]
        if not missed:
            continue
        kind = "processes" if rule.match_type == "process_name" else "parents"
        yield context.at_rule(
            rule,
            "title-changer",
            f'this matches "{program}", but the title of {program} can be "{missed[0]}",'
            " from which the agent takes the name",
            effect=f'{kind} named "{file_name(missed[0])}" are not matched',
            hint=_for_titles(rule, program, missed),
        )


def _for_titles(rule: Rule, program: str, titles: Sequence[str]) -> str | None:
    """What to write for these titles; each pattern was tried on all of them."""
    names = [program, *filter(None, map(file_name, titles))]
    for word in (program, f"(?i:{program})"):
        pattern = f"^{word}(: .*| .*)?$"
        if all(map(rustregex.compile(pattern).is_match, names)):
            return f"write {pattern}, or without $ for every name that begins so"
    if rule.match_type == "parent_process_name":
        listed = [re.escape(name).replace("\\ ", " ").replace("\\-", "-") for name in names[1:2]]
        return f"add a rule for the name: ^{listed[0]}$"
    for pattern in (rf"^(\S*/)?{program}\b", rf"^(\S*/)?(?i:{program})\b", rf"\b{program}"):
        if all(map(rustregex.compile(pattern).is_match, titles)):
            return f"write match-type: cmdline with match-regex: {pattern}"
    return None


def _shells(rule: Rule, context: Context) -> Iterator[Diagnostic]:
    missed = [shell for shell in _SHELLS if _misses(rule, shell, f"-{shell}", context)]
    if missed:
        names = ", ".join(f'"-{shell}"' for shell in missed)
        yield context.at_rule(
            rule,
            "login-shell",
            f'this matches "{missed[0]}", but not the login shell "-{missed[0]}"',
            effect=f"processes named {names} are not matched",
            hint=f"add -? before the name: ^-?{missed[0]}$",
        )


def _misses(rule: Rule, name: str, title: str, context: Context) -> bool:
    """Whether a rule matches a program name, but not its title, and the outcome differs."""
    regex, variant = context.regexes[rule.index], file_name(title)
    found = regex.search(name)
    # A pattern that matches only part of the name is probably not for this program.
    if found is None or found.span() != (0, len(name)):
        return False
    if variant is None or regex.is_match(variant):
        return False
    if rule.match_type == "parent_process_name":
        return True
    decides = context.decider({"process_name": name, "cmdline": name})
    instead = context.decider({"process_name": variant, "cmdline": title})
    if decides is not rule:
        return False
    return instead is None or _outcome(instead) != _outcome(rule)


def _outcome(rule: Rule) -> tuple[str, str]:
    return rule.action, "" if rule.action == "drop" else rule.rewrite_name


def check_validity(context: Context) -> Iterator[Diagnostic]:
    """Every reason for which the agent ignores a rule, and patterns that older agents reject."""
    for rule in context.config.rules:
        for problem in rule.problems:
            words = rule_problem_wording(problem)
            yield context.at_value(
                rule,
                context.keys.regex if problem.span is not None else problem.code,
                problem.code,
                words.problem,
                part=problem.span,
                effect=_IGNORED,
                hint=words.hint,
            )
        if all(problem.span is None for problem in rule.problems):
            yield from _older_agents(rule, context)


def _older_agents(rule: Rule, context: Context) -> Iterator[Diagnostic]:
    if len(rule.match_regex) > LONGEST_PATTERN:
        return
    older = rejected_by_1_6(rule.match_regex)
    if older is not None:
        yield context.at_value(
            rule,
            context.keys.regex,
            "regex-older-agents",
            f"match-regex is invalid for agents {OLDER_REGEX_CRATE}: {older.message}",
            part=(older.position, older.end),
            effect=f"agents {OLDER_REGEX_CRATE} silently ignore the rule; later agents accept it",
            hint=older.hint,
        )
