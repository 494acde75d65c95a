"""Programs whose process names differ from the program name: rewritten titles, login shells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from proccli.diagnostics.folded_context import Context
from proccli.model.config import Diagnostic, Rule

WORKERS: Final[Mapping[str, Sequence[str]]] = {
    "nginx": ("nginx: worker process", "nginx -g daemon off;"),
    "php-fpm": ("php-fpm: pool www",),
    "postgres": ("postgres: checkpointer", "postgres: shop shop 10.0.0.5(41000) idle"),
    "sshd": ("sshd: root [priv]",),
    "redis-server": ("redis-server *:6379",),
    "gunicorn": ("gunicorn: worker [shop]",),
    "dovecot": ("dovecot: anvil",),
    "proftpd": ("proftpd: (accepting connections)",),
    "vsftpd": ("vsftpd: connected",),
    "sendmail": ("sendmail: accepting connections",),
}
"""Program names, and the process_name after each has rewritten its title."""
_PARENTS: Final[Mapping[str, Sequence[str]]] = {
    "nginx": ("nginx: master process nginx", "nginx -g daemon off;"),
    "php-fpm": ("php-fpm.conf)",),
    "sshd": ("sshd -D [listener] 0 of 10-100 startups",),
    "gunicorn": ("gunicorn: master [shop]",),
}
"""The same for their parent processes.

Source: agent v6.5 linux_process.rs:128-133, run on the titles: the text after the last slash
of `nginx: master process /usr/sbin/nginx -g daemon off;` is `nginx -g daemon off;`.
"""
_SHELLS: Final = ("bash", "sh", "zsh", "fish", "dash", "ksh", "tcsh", "csh")


def check(context: Context) -> Iterator[Diagnostic]:
    """Patterns for a program name that its processes do not have."""
    for rule in context.rules:
        if rule.match_type in ("process_name", "parent_process_name"):
            yield from _titles(rule, context)
            yield from _shells(rule, context)


def _titles(rule: Rule, context: Context) -> Iterator[Diagnostic]:
    known = WORKERS if rule.match_type == "process_name" else _PARENTS
    for name, titles in known.items():
        missed = [title for title in titles if _misses(rule, name, title, context)]
        if not missed:
            continue
        kind = "processes" if rule.match_type == "process_name" else "parents"
        yield context.at_rule(
            rule,
            "title-changer",
            f'this matches "{name}", but {name} rewrites its title, which changes its name',
            effect=f'{kind} named "{missed[0]}" are not matched',
            hint=f"remove the $, or write ^{name}(: .*| .*)?$ to be exact",
        )


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


def _misses(rule: Rule, name: str, variant: str, context: Context) -> bool:
    """Whether a rule matches one name but not the other, and the outcome differs."""
    regex = context.regexes[rule.index]
    found = regex.search(name)
    # A pattern that matches only part of the name is probably not for this program.
    if found is None or found.span() != (0, len(name)) or regex.is_match(variant):
        return False
    if rule.match_type == "parent_process_name":
        return True
    decides, instead = _decider(name, context), _decider(variant, context)
    if decides is not rule:
        return False
    return instead is None or _outcome(instead) != _outcome(rule)


def _decider(name: str, context: Context) -> Rule | None:
    """The rule that decides about a process of this name, ignoring parents and tags; or None."""
    return next(
        (
            rule
            for rule in context.rules
            if rule.match_type in ("process_name", "cmdline")
            and context.regexes[rule.index].is_match(name)
        ),
        None,
    )


def _outcome(rule: Rule) -> tuple[str, str]:
    return rule.action, "" if rule.action == "drop" else rule.rewrite_name
