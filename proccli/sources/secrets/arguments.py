"""Secrets in a list of arguments: options, variables, and texts that a shell would split."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from proccli.sources.secrets.names import Secrecy, is_secret, secrecy, word_set
from proccli.sources.secrets.programs import PROGRAMS, Option, Position
from proccli.sources.secrets.text import Secret, find_in_text

_MAX_DEPTH = 4  # sh -c "ssh host 'sh -c …'"

_OPTION = re.compile(rb"(?:--?|/)([A-Za-z][\w.\-]{0,120})([=:]|$)")
_VARIABLE = re.compile(rb"([A-Za-z_][\w.\-]{0,120})=")
_LABELLED = re.compile(rb"([A-Za-z][\w.\-]{0,120}):(?=[^\s/:])")
_RUNS_TEXT = re.compile(rb"-[a-z]*c")
# A text that contains an option.
_TEXT_WITH_OPTION = re.compile(rb"""\s["'(]{0,2}[\-/][A-Za-z\-]""")
# `;name=` and the like show that a value ends before its argument does.
_MORE_PAIRS = re.compile(rb"[;,&][ \t]?[A-Za-z_][\w.\- ]{0,60}=")
_WORD_PART = re.compile(
    rb"""(?P<blank>\s+) | [^\s"'\\$`]+ | \\. | "(?:[^"\\]|\\.)*" | '[^']*'
    | \$\([^()]{0,4096}\) | `[^`]{0,4096}` | .""",
    re.VERBOSE | re.DOTALL,
)
_COMMAND_END = re.compile(rb"[;|&()`]")
# After `--password`, `--host` is another option and `--Zq7rTn93` a value.
_MIXED = re.compile(rb"(?=[^=:]*[0-9])(?=[^=:]*[A-Z])--?[\w]{8,}")
_ORACLE_LOGIN = re.compile(rb"""(?:userid=|USERID=)?["']?[\w$\#.]+/["']?([^@\s"']+)(@)?""")

_ANY = b"|".join(re.escape(name.encode()) for name in PROGRAMS)
_MENTION = re.compile(rb"(?<![\w.\-])(?:" + _ANY + rb"|nmcli|aws|git|wpa_cli)(?![\w.\-])")
"""Finds whether a text mentions such a program at all."""

_WRAPPERS = word_set(
    """
    busybox chpst chroot crictl doas docker dumb-init env exec flock gosu ionice kubectl nerdctl
    nice nohup nsenter oc podman proxychains runuser script setsid ssh stdbuf strace su su-exec
    sudo systemd-run taskset time timeout tini unbuffer watch xargs
    """
)
"""Programs that run another one, named in a later argument."""
_TAKE_PAIRS = word_set("aws db2 git nmcli rclone wpa_cli")
"""Programs that take the name of a setting and its value as two arguments."""

# ---- reading arguments ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Argument:
    """A piece of a command line and where it begins in the whole."""

    start: int
    text: bytes

    def after(self, length: int) -> _Argument:
        """The rest after the first `length` bytes."""
        return _Argument(self.start + length, self.text[length:])

    def unquoted(self) -> _Argument:
        """The text without its quotes, if it is quoted as a whole."""
        if len(self.text) > 1 and self.text[:1] == self.text[-1:] and self.text[:1] in b"\"'":
            return _Argument(self.start + 1, self.text[1:-1])
        return self

    def secret(self, found_by: str) -> Secret:
        """The whole text as a secret."""
        return Secret(self.start, self.start + len(self.text), found_by)


def find_secrets(cmdline: bytes) -> Iterator[Secret]:
    """The secrets in a command line, as ranges of bytes, which may overlap.

    Each range lies within one argument.
    """
    arguments = []
    start = 0
    for text in cmdline.split(b"\0"):
        if text:
            arguments.append(_Argument(start, text))
        start += len(text) + 1
    reading = _Reading(
        depth=0, is_text=len(arguments) == 1, mentions=_MENTION.search(cmdline) is not None
    )
    yield from reading.read(arguments)


@dataclass(slots=True)
class _Reading:
    """One walk along a list of arguments."""

    depth: int
    is_text: bool
    """Whether the arguments are the words of a text: a shell's, or a rewritten title's."""
    mentions: bool
    """Whether a program of the table may be among them."""
    first: str | None = None
    """The first argument's file name."""
    program: str = ""
    """The program of the table that was named last."""
    options: dict[Option, str] = field(default_factory=dict)
    """The options of all programs found so far, each with its program."""
    positions: dict[Position, str] = field(default_factory=dict)
    words: list[bytes] = field(default_factory=list)
    """The last arguments since the program that are no options."""
    ends: dict[str, bool] = field(default_factory=dict)
    """Programs whose last argument is a secret."""
    awaited: tuple[Option | str, str] | None = None
    """The option, or the name, whose value the next argument is, and how it is called."""
    before: bytes = b""
    """The argument before."""

    def read(self, arguments: Sequence[_Argument]) -> Iterator[Secret]:
        """The secrets among them."""
        for argument in arguments:
            is_text = self.is_text or _RUNS_TEXT.fullmatch(self.before) is not None
            yield from self._one(argument, is_text=is_text)
            self.before = argument.text
        if self.ends and arguments:
            yield from _secret_value(arguments[-1].unquoted(), next(iter(self.ends)))

    def _one(self, argument: _Argument, *, is_text: bool) -> Iterator[Secret]:
        awaited, self.awaited = self.awaited, None
        if awaited is not None:
            yield from _awaited_value(*awaited, argument.unquoted())
        if awaited is None or not isinstance(awaited[0], Option):
            if self.mentions:
                self._note_program(argument.text)
                yield from self._short_options(argument)
                yield from self._at_position(argument)
            yield from self._named(argument, is_text=is_text)
        if self.depth == 0:
            for left, right, found_by in find_in_text(argument.text):
                yield Secret(argument.start + left, argument.start + right, found_by)
        if self.depth < _MAX_DEPTH and _TEXT_WITH_OPTION.search(argument.text):
            inner = _Reading(
                depth=self.depth + 1,
                is_text=True,
                mentions=self.mentions,
                options=dict(self.options),
            )
            yield from inner.read(list(_words(argument)))

    def _note_program(self, text: bytes) -> None:
        for command in _COMMAND_END.split(text) if self.is_text else (text,):
            name = command.rpartition(b"/")[2].decode("latin-1")
            if self.first is None:
                self.first = name
            elif not (self.is_text or self.first in _WRAPPERS):
                continue
            program = PROGRAMS.get(name)
            if program is None and name not in _TAKE_PAIRS:
                continue
            self.program, self.words = name, []
            if program is not None:
                self.options.update(dict.fromkeys(program.options, name))
                self.positions.update(dict.fromkeys(program.positions, name))

    def _short_options(self, argument: _Argument) -> Iterator[Secret]:
        text = argument.text
        if text[:1] not in (b"-", b"/"):
            return
        for option, program in self.options.items():
            if option.command and option.command not in self.words:
                continue
            called = f"{program} {option.flag.decode()}"
            if option.last:
                if _in_cluster(text, option.flag):
                    self.ends[called] = True
            elif text == option.flag or (option.separate and _ends_cluster(text, option.flag)):
                self.awaited = (option, called) if option.separate else None
                return
            elif option.attached and text.startswith(option.flag):
                value = argument.after(len(option.flag)).unquoted()
                yield from _awaited_value(option, called, value)

    def _at_position(self, argument: _Argument) -> Iterator[Secret]:
        text = argument.text
        name = text.rpartition(b"/")[2].decode("latin-1")
        if not self.program or text[:1] == b"-" or name == self.program:
            return
        for position, program in self.positions.items():
            called = " ".join((program, *(word.decode() for word in position.words)))
            if position.after:
                login = _ORACLE_LOGIN.match(text)
                if login and (login[2] or not self.words) and is_secret("password", login[1]):
                    start = argument.start + login.start(1)
                    yield Secret(start, start + len(login[1]), called)
            elif position.words:
                wanted = len(position.words) + position.skipped
                if tuple(self.words[-wanted:][: len(position.words)]) == position.words and (
                    len(self.words) >= wanted and b"=" not in text
                ):
                    yield from _secret_value(argument.unquoted(), called)
            elif len(self.words) == position.skipped:
                yield from _secret_value(argument.unquoted(), called)
        if self.program in _TAKE_PAIRS and self.words:
            name = self.words[-1].decode("latin-1")
            if is_secret(name, argument.unquoted().text):
                yield argument.unquoted().secret(f"{self.program} {name}")
        # `docker run --name login -p 80:80` has no command `login`.
        self.words.append(b"" if text == b"login" and self.before[:1] == b"-" else text)
        del self.words[:-8]

    def _named(self, argument: _Argument, *, is_text: bool) -> Iterator[Secret]:
        """`--name=value`, `/name:value`, `-Dname=value`, `NAME=value`, `name:value`; `--name` takes
        the next argument."""
        text = argument.text
        if option := _OPTION.match(text):
            name = option[1].decode("latin-1")
            defines = text[1:2] in (b"D", b"P")  # java, gradle: -Dname=value
            if option[2]:
                value = argument.after(option.end()).unquoted()
                if is_secret(name, value.text) or (defines and is_secret(name[1:], value.text)):
                    yield value.secret(text[: option.end() - 1].decode("latin-1"))
            elif text[:1] == b"-" and not defines and self._takes_value(text, name):
                self.awaited = name, text.decode("latin-1")
        elif is_text:
            return
        elif variable := _VARIABLE.match(text) or _LABELLED.match(text):
            value = argument.after(len(variable[1]) + 1)
            name = variable[1].decode("latin-1")
            if is_secret(name, value.text) and not _MORE_PAIRS.search(value.text):
                yield value.secret(name)

    def _takes_value(self, text: bytes, name: str) -> bool:
        return secrecy(name) != Secrecy.NONE and not any(
            option.flag == text and not option.separate and not option.last
            for option in self.options
        )


def _in_cluster(text: bytes, flag: bytes) -> bool:
    """Whether a letter is among single-letter options: `-b` in `-nbB`."""
    return text[1:].isalpha() and flag[1:] in text


def _ends_cluster(text: bytes, flag: bytes) -> bool:
    """Whether single-letter options end in one that waits for its value: `-sSu user:password`."""
    return len(flag) == 2 and text[:1] == b"-" and text[1:].isalpha() and text[-1:] == flag[-1:]


def _awaited_value(option: Option | str, called: str, value: _Argument) -> Iterator[Secret]:
    if isinstance(option, str):
        # After a flag without a value (`--password` to be asked) comes another option.
        another = value.text[:1] == b"-" and not _MIXED.fullmatch(value.text)
        if not another and is_secret(option, value.text):
            yield value.secret(called)
        return
    _, found, secret = (
        value.text.partition(option.after) if option.after else (b"", b"-", value.text)
    )
    if found:
        yield from _secret_value(value.after(len(value.text) - len(secret)), called)


def _secret_value(value: _Argument, called: str) -> Iterator[Secret]:
    if is_secret("password", value.text):
        yield value.secret(called)


def _words(argument: _Argument) -> Iterator[_Argument]:
    """The words of a text as a shell would split it, by blanks outside of quotes."""
    begin = None
    for part in _WORD_PART.finditer(argument.text):
        if part["blank"] is None:
            begin = part.start() if begin is None else begin
        elif begin is not None:
            yield _word(argument, begin, part.start())
            begin = None
    if begin is not None:
        yield _word(argument, begin, len(argument.text))


def _word(argument: _Argument, begin: int, end: int) -> _Argument:
    return _Argument(argument.start + begin, argument.text[begin:end]).unquoted()


# ---- lines of a configuration ---------------------------------------------------------------

_KEY = re.compile(r"\s*(?:-\s+)?(?:[\w.-]+:\s)?")
_PATTERN_KEY = re.compile(r"\s*(?:-\s+)?\{?\s*['\"]?(?:match[-_]regex|rewrite[-_]name)\b")
_SEPARATOR = re.compile(rb"[\s,\[\]{}'\"]")


def mask_line(line: str) -> str:
    """A line of a configuration with its secrets as stars, character by character.

    Its values are looked at as text and as the arguments of a command. Patterns and names are no
    values: `--password=(\\S+)` is left as it is.
    """
    if _PATTERN_KEY.match(line):
        return line
    text = line.encode("utf-8", "surrogatepass")
    key = _KEY.match(line)
    start = len(key[0].encode("utf-8", "surrogatepass")) if key else 0
    arguments = b"\0" * start + _SEPARATOR.sub(b"\0", text[start:])
    masked = bytearray(text)
    for begin, end, _ in (*find_in_text(text), *find_secrets(arguments)):
        # The bytes of a character beyond ASCII stand for one star together.
        masked[begin:end] = bytes(
            ord("*") if byte & 0xC0 != 0x80 else 0xFF for byte in text[begin:end]
        )
    return masked.replace(b"\xff", b"").decode("utf-8", "surrogatepass")
