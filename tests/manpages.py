"""The manual pages in docs/man, written from the commands: `make man`.

One page for the program and one for each command, with what `--help` prints, in roff.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import click

from proccli import __version__
from proccli.cli.help import CommandWithExamples, Option
from proccli.cli.main import COMMANDS, load, proccli
from proccli.commands.test.command import init
from tests.paths import ROOT

FOLDER: Final = ROOT / "docs" / "man"

_EXIT_CODES: Final = (
    ("0", "Success."),
    ("1", "A check or a test failed, something changed, or a pattern is invalid."),
    ("2", "Usage error."),
    ("3", "An input cannot be read or parsed, or the agent would reject the configuration."),
    ("4", "With --strict: anything the agent would know could not be determined."),
    ("70", "A bug in proccli."),
    ("75", "Another proccli sync holds the lock."),
    ("130", "Interrupted."),
)


def pages() -> dict[str, str]:
    """The pages by the names of their files."""
    return {
        f"{'-'.join(('proccli', *name.split()))}.1": "\n".join((*_lines(name, command), ""))
        for name, command in commands().items()
    }


def commands() -> dict[str, CommandWithExamples]:
    """The program (its name is empty), its commands, and theirs, such as `test init`."""
    found: dict[str, click.Command] = {"": proccli}
    for name in COMMANDS:
        command = found[name] = load(name)
        if isinstance(command, click.Group):
            context = click.Context(command)
            for below in command.list_commands(context):
                found[f"{name} {below}"] = command.commands[below]
    found["test init"] = init
    pages = {}
    for name, command in found.items():
        assert isinstance(command, CommandWithExamples), name
        pages[name] = command
    return pages


def _lines(name: str, command: CommandWithExamples) -> Iterator[str]:
    title = f"proccli {name}".strip()
    context = click.Context(command, info_name=title)
    summary, _, details = (command.help or "").partition("\n\n")
    heading = title.replace(" ", "-")
    yield f'.TH {_escaped(heading.upper())} 1 "" "proccli {__version__}" "proccli"'
    yield ".SH NAME"
    yield f"{_escaped(heading)} \\- {_escaped(summary.removesuffix('.'))}"
    yield ".SH SYNOPSIS"
    usage = " ".join(command.collect_usage_pieces(context))
    yield f".B {_escaped(title)}\n{_escaped(usage)}"
    if details:
        yield ".SH DESCRIPTION"
        for number, paragraph in enumerate(details.split("\n\n")):
            if number:
                yield ".PP"
            yield _escaped(" ".join(paragraph.split()))
    if isinstance(command, click.Group):
        below = _summaries(command) if name else COMMANDS
        yield ".SH COMMANDS"
        for known, what in below.items():
            yield from _item(known, f"{what} See {'-'.join((*title.split(), known))}(1).")
    yield from _options(command, context)
    yield ".SH EXAMPLES"
    for line, purpose in command.examples:
        yield f".PP\n{_escaped(purpose)}:\n.PP\n.RS 4\n.nf\n{_escaped(line)}\n.fi\n.RE"
    yield ".SH EXIT STATUS"
    for code, meaning in _EXIT_CODES:
        yield from _item(code, meaning)
    yield ".SH SEE ALSO"
    others = [name.rpartition(" ")[0]] if name else []
    others += [other for other in commands() if other and other.rpartition(" ")[0] == name]
    yield _escaped(", ".join(f"{'-'.join(('proccli', *other.split()))}(1)" for other in others))


def _summaries(group: click.Group) -> dict[str, str]:
    return {name: (one.help or "").partition("\n\n")[0] for name, one in group.commands.items()}


def _options(command: CommandWithExamples, context: click.Context) -> Iterator[str]:
    """The options by section, as in the help."""
    sections: dict[str, list[tuple[str, str]]] = {}
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and isinstance(parameter, Option):
            sections.setdefault(parameter.section, []).append(record)
    other = sections.pop("Other options", [])
    for section, records in [*sections.items(), ("Other options", other)]:
        yield f'.SH "{_escaped(section.upper())}"'
        for names, what in records:
            yield from _item(names, " ".join(what.split()))


def _item(term: str, text: str) -> Iterator[str]:
    yield f".TP\n.B {_escaped(term)}\n{_escaped(text)}"


def _escaped(text: str) -> str:
    """Text that roff prints as it is: no escapes, no requests, dashes and quotes as typed."""
    special = {"\\": "\\e", "-": "\\-", "'": "\\(aq", "^": "\\(ha", "~": "\\(ti", "`": "\\(ga"}
    special |= {"…": "\\&...", "←": "\\(<-", "→": "\\(->"}
    lines = "".join(special.get(character, character) for character in text).split("\n")
    return "\n".join(f"\\&{line}" if line.startswith((".", "\\(aq")) else line for line in lines)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    written = pages()
    for old in FOLDER.glob("*.1"):
        if old.name not in written:
            old.unlink()
    for file, page in written.items():
        (FOLDER / file).write_text(page, encoding="utf-8")
