"""Secrets in a list of arguments: options, variables, and texts that a shell would split."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from proccli.sources.secrets.names import Secrecy, is_secret, secrecy
from proccli.sources.secrets.programs import (
    PROGRAMS,
    WRAPPERS,
    Option,
    Position,
    file_name,
    mentions_program,
)
from proccli.sources.secrets.text import Secret, find_in_text

_MAX_DEPTH = 4  # sh -c "ssh host 'sh -c …'"

_OPTION = re.compile(rb"(?:--?|/|\+)((?://[\w.\-]{1,120}/:)?[A-Za-z_][\w.\-]{0,120})([=:]|$)")
_VARIABLE = re.compile(rb"([A-Za-z_][\w.\-]{0,120})=")
_LABELLED = re.compile(rb"([A-Za-z][\w.\-]{0,120}):(?=[^\s/:])")
_TASK = re.compile(rb"[a-z:_\-]*")
_NAME = re.compile(rb"[\w.\-:/]{1,120}")
_RUNS_TEXT = re.compile(rb"-[a-z]*c")
# A text that contains an option.
_TEXT_WITH_OPTION = re.compile(rb"""\s["'(]{0,2}[\-/][A-Za-z\-]""")
_BLANK = re.compile(rb"\S\s+\S")
# `;name=` and the like show that a value ends before its argument does.
_MORE_PAIRS = re.compile(rb"[;,&][ \t]?[A-Za-z_][\w.\- ]{0,60}=")
_WORD_PART = re.compile(
    rb"""(?P<blank>\s+) | [^\s"'\\$`]+ | \\. | "(?:[^"\\]|\\.)*" | '[^']*'
    | \$\([^()]{0,4096}\) | `[^`]{0,4096}` | .""",
    re.VERBOSE | re.DOTALL,
)
_SUBSTITUTION = re.compile(rb"""[^\s$`]{0,256}(?:\$\(|`)""")
_COMMAND_END = re.compile(rb"[;|&()`]")
# Another program is named directly after these.
_RUNS_NEXT = frozenset((b"--", b"-exec", b"-execdir", b"-ok"))
# What follows these is a name that a user chose.
_NAMES_SOMETHING = frozenset((b"--name", b"--hostname", b"--network", b"--unit"))
_SWITCH = re.compile(rb"/[A-Za-z?]\w{0,30}(?:[:=].*)?", re.DOTALL)
# After `--password`, `--host` is another option and `--Zq7rTn93` a value.
_MIXED = re.compile(rb"(?=[^=:]*[0-9])(?=[^=:]*[A-Z])--?[\w]{8,}")
_ORACLE_LOGIN = re.compile(rb"""(?:userid=|USERID=)?["']?[\w$\#.]+/["']?([^@\s"']+)(@)?""")
_LOGIN_AT_HOST = re.compile(rb"[\w.\-/\\]{1,256}:([^\s]{1,1024})@[\w.\-\[\]:]")

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
    reading = _Reading(depth=0, is_text=len(arguments) == 1, mentions=mentions_program(cmdline))
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
    """The last arguments since the program that are no options, in small letters; empty for those
    that hold a secret."""
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
        if self.ends and arguments and arguments[-1].text[:1] != b"-":
            yield from _secret_value(arguments[-1].unquoted(), next(iter(self.ends)))

    def _one(self, argument: _Argument, *, is_text: bool) -> Iterator[Secret]:
        awaited, self.awaited = self.awaited, None
        values = () if awaited is None else tuple(_awaited_value(*awaited, argument.unquoted()))
        yield from values
        # A value has no name: what looks like one there must not be shown.
        if not values and (awaited is None or not isinstance(awaited[0], Option)):
            if self.mentions:
                self._note_program(argument.text)
                yield from self._short_options(argument)
                yield from self._at_position(argument)
            yield from self._named(argument, is_text=is_text)
        if self.depth == 0:
            for left, right, found_by in find_in_text(argument.text):
                yield Secret(argument.start + left, argument.start + right, found_by)
        if self.depth < _MAX_DEPTH and (
            _TEXT_WITH_OPTION.search(argument.text)
            or (self.mentions and _BLANK.search(argument.text))
        ):
            inner = _Reading(
                depth=self.depth + 1,
                is_text=True,
                mentions=self.mentions,
                program=self.program,
                options=dict(self.options),
                positions={p: name for p, name in self.positions.items() if p.words or p.named},
            )
            yield from inner.read(list(_words(argument)))

    def _note_program(self, text: bytes) -> None:
        for command in _COMMAND_END.split(text) if self.is_text else (text,):
            name = file_name(command)
            if self.first is None:
                self.first = name.rstrip("0123456789.")
            elif self.before in _NAMES_SOMETHING or not (
                self.is_text or self.first in WRAPPERS or self.before in _RUNS_NEXT
            ):
                continue
            program = PROGRAMS.get(name)
            if program is None:
                continue
            self.program, self.words = name, []
            self.options.update(dict.fromkeys(program.options, name))
            self.positions = dict.fromkeys(program.positions, name)

    def _short_options(self, argument: _Argument) -> Iterator[Secret]:
        text = argument.text
        if text[:1] not in (b"-", b"/", b">"):
            return
        for option, program in self.options.items():
            if option.command and option.command not in self.words:
                continue
            called = f"{program} {option.flag.decode()}"
            if option.last:
                if text == option.flag or _in_cluster(text, option.flag):
                    self.ends[called] = True
            elif text == option.flag or (option.separate and _ends_cluster(text, option.flag)):
                self.awaited = (option, called) if option.separate else None
                return
            elif option.attached and text.startswith(option.flag):
                value = argument.after(len(option.flag)).unquoted()
                yield from _awaited_value(option, called, value)

    def _at_position(self, argument: _Argument) -> Iterator[Secret]:
        text = argument.text
        if not self.program or text[:1] == b"-" or file_name(text) == self.program:
            return
        found = False
        if not _SWITCH.fullmatch(text):
            for position, program in self.positions.items():
                called = " ".join((program, *(word.decode() for word in position.words)))
                for secret in self._secret_at(position, argument, called):
                    found = True
                    yield secret
        # `docker run --name login -p 80:80` has no command `login`.
        nameless = found or (text == b"login" and self.before[:1] == b"-")
        self.words.append(b"" if nameless else text.lower()[:128])
        del self.words[:-8]

    def _secret_at(self, position: Position, argument: _Argument, called: str) -> Iterator[Secret]:
        text, words = argument.text, position.words
        if position.named:
            name = self.words[-1] if self.words else b""
            if tuple(self.words[-len(words) - 1 : -1]) != words and words:
                return
            value = argument.unquoted()
            if _NAME.fullmatch(name) and is_secret(name.decode("latin-1"), value.text):
                yield value.secret(f"{self.program} {name.decode('latin-1')}")
        elif position.after:
            yield from self._login(position, argument, called)
        elif position.last:
            if tuple(self.words[-len(words) :]) == words:
                self.ends[called] = True
        elif words:
            wanted = len(words) + position.skipped
            is_pair = re.match(rb"[A-Za-z_]\w*=.*[^=]", text) is not None
            if not is_pair and (
                len(self.words) >= wanted and tuple(self.words[-wanted:][: len(words)]) == words
            ):
                yield from _secret_value(argument.unquoted(), called)
        elif len(self.words) == position.skipped:
            yield from _secret_value(argument.unquoted(), called)

    def _login(self, position: Position, argument: _Argument, called: str) -> Iterator[Secret]:
        """`USER/SECRET`, `USER:SECRET@HOST`, or `USER:SECRET` at a position."""
        value = argument.unquoted()
        if position.before_host:
            login = _LOGIN_AT_HOST.match(value.text)
        elif position.after == b"/":
            login = _ORACLE_LOGIN.match(value.text)
            if login and not login[2] and self.words:
                login = None
        else:
            login = None
            words = tuple(self.words[-len(position.words) - position.skipped :])
            if words[: len(position.words)] == position.words:
                yield from _awaited_value(
                    Option(b"", separate=True, attached=False, after=position.after), called, value
                )
        if login and is_secret("password", login[1]):
            start = value.start + login.start(1)
            yield Secret(start, start + len(login[1]), called)

    def _named(self, argument: _Argument, *, is_text: bool) -> Iterator[Secret]:
        """`--name=value`, `/name:value`, `-Dname=value`, `NAME=value`, `name:value`; `--name` takes
        the next argument."""
        text = argument.text
        if option := _OPTION.match(text):
            name = option[1].decode("latin-1")
            defines = text[1:2] in (b"D", b"P")  # java, gradle: -Dname=value
            if option[2]:
                flag = text[: option.end() - 1]
                value = argument.after(option.end()).unquoted()
                secret = is_secret(name, value.text) or (
                    defines and is_secret(name[1:], value.text)
                )
                if secret and not self._is_harmless(flag):
                    yield value.secret(flag.decode("latin-1"))
            elif text[:1] in (b"-", b"+") and self._takes_value(text, name):
                self.awaited = name, text.decode("latin-1")
        elif is_text:
            return
        elif variable := _VARIABLE.match(text):
            value = argument.after(len(variable[1]) + 1)
            name = variable[1].decode("latin-1")
            if is_secret(name, value.text) and not _MORE_PAIRS.search(value.text):
                yield value.secret(name)
        elif label := _LABELLED.match(text):
            yield from _labelled(label[1].decode("latin-1"), argument.after(label.end()))

    def _is_harmless(self, flag: bytes) -> bool:
        return any(option.harmless and option.flag == flag for option in self.options)

    def _takes_value(self, text: bytes, name: str) -> bool:
        return secrecy(name) != Secrecy.NONE and not any(
            option.flag == text and (option.harmless or not option.separate)
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
    if option.harmless:
        return
    _, found, secret = (
        value.text.partition(option.after) if option.after else (b"", b"-", value.text)
    )
    if found:
        yield from _secret_value(value.after(len(value.text) - len(secret)), called)


def _labelled(name: str, value: _Argument) -> Iterator[Secret]:
    """`Password:value`; `npm run token:refresh` is none."""
    certain = secrecy(name) is Secrecy.CERTAIN and not _TASK.fullmatch(value.text)
    if certain and is_secret(name, value.text) and not _MORE_PAIRS.search(value.text):
        yield value.secret(name)


def _secret_value(value: _Argument, called: str) -> Iterator[Secret]:
    if is_secret("password", value.text):
        yield value.secret(called)


def _words(argument: _Argument) -> Iterator[_Argument]:
    """The words of a text as a shell would split it, by blanks outside of quotes; those in
    `x=$(…)` if that is all."""
    if inside := _SUBSTITUTION.match(argument.text):
        argument = argument.after(inside.end())
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
