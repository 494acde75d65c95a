"""Secrets in a list of arguments: options, variables, and texts that a shell would split."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from proccli.sources.secrets.names import Secrecy, is_secret, secrecy, word_set
from proccli.sources.secrets.text import Span, find_in_text

_MAX_DEPTH = 4  # sh -c "ssh host 'sh -c …'"

_OPTION = re.compile(rb"--?([A-Za-z][\w.\-]{0,120})([=:]|$)")
_VARIABLE = re.compile(rb"([A-Za-z_][\w.\-]{0,120})=")
_RUNS_TEXT = re.compile(rb"-[a-z]*c")
# A text that contains an option.
_TEXT_WITH_OPTION = re.compile(rb"""\s["'(]{0,2}[\-/][A-Za-z\-]""")
# `;name=` and the like show that a value ends before its argument does.
_MORE_PAIRS = re.compile(rb"[;,&][ \t]?[A-Za-z_][\w.\- ]{0,60}=")
_WORD_PART = re.compile(
    rb"""(?P<blank>\s+) | [^\s"'\\]+ | \\. | "(?:[^"\\]|\\.)*" | '[^']*' | .""",
    re.VERBOSE | re.DOTALL,
)
_COMMAND_END = re.compile(rb"[;|&()`]")


# ---- programs whose short options take a secret ----------------------------------------------


@dataclass(frozen=True, slots=True)
class _ShortOption:
    """An option and how it takes its secret value."""

    flag: bytes
    separate: bool = True
    """The value may be the next argument."""
    attached: bool = True
    """The value may follow in the same argument."""
    after: bytes = b""
    """The secret begins after the first of these: `user:password`. Empty: all is secret."""


# Without a value, -p and --password prompt for one: the next argument is a database.
_MYSQL = (
    _ShortOption(b"-p", separate=False),
    _ShortOption(b"--password", separate=False, attached=False),
)
_USER_COLON = (
    _ShortOption(b"--user", attached=False, after=b":"),
    _ShortOption(b"--user=", separate=False, after=b":"),
)
_CURL = (
    _ShortOption(b"-u", after=b":"),
    _ShortOption(b"-U", after=b":"),
    _ShortOption(b"-b", after=b"="),
    _ShortOption(b"--proxy-user", attached=False, after=b":"),
    _ShortOption(b"--proxy-user=", separate=False, after=b":"),
    *_USER_COLON,
)
_PROGRAMS: Mapping[str, tuple[_ShortOption, ...]] = {
    "mysql mysqladmin mysqlbinlog mysqlcheck mysqldump mysqlimport mysqlpump mysqlshow": _MYSQL,
    "mysqlslap mysqlsh mysql_upgrade mycli xtrabackup innobackupex mariabackup": _MYSQL,
    "mariadb mariadb-admin mariadb-binlog mariadb-check mariadb-dump mariadb-import": _MYSQL,
    "mariadb-show mariadb-slap mariadb-backup mariadb-upgrade": _MYSQL,
    "7z 7za 7zr 7zz rar unrar": (_ShortOption(b"-p", separate=False),),
    "mongo mongosh mongodump mongorestore mongoexport mongoimport": (_ShortOption(b"-p"),),
    "mongostat mongotop mongofiles": (_ShortOption(b"-p"),),
    "sshpass cqlsh mydumper myloader rdesktop": (_ShortOption(b"-p"),),
    "zip unzip ipmitool sqlcmd bcp isql osql tsql": (_ShortOption(b"-P"),),
    "mosquitto_pub mosquitto_sub mosquitto_rr": (_ShortOption(b"-P"),),
    "redis-cli keydb-cli valkey-cli": (_ShortOption(b"-a", attached=False),),
    "ldapsearch ldapadd ldapmodify ldapdelete ldappasswd ldapwhoami": (_ShortOption(b"-w"),),
    "curl": _CURL,
    "etcdctl": _USER_COLON,
    "http https": (_ShortOption(b"-a", after=b":"),),
    "lftp": (_ShortOption(b"-u", after=b","),),
    "smbclient rpcclient smbget": (_ShortOption(b"-U", after=b"%"),),
    "snmpget snmpgetnext snmpwalk snmpbulkwalk snmpbulkget snmpset": (
        _ShortOption(b"-A"),
        _ShortOption(b"-X"),
        _ShortOption(b"-c"),
    ),
    "xfreerdp xfreerdp3 wlfreerdp": (_ShortOption(b"/p:", separate=False),),
}
_SHORT_OPTIONS: Mapping[str, tuple[_ShortOption, ...]] = {
    name: options for names, options in _PROGRAMS.items() for name in names.split()
}
"""The options by the program's file name."""

_ANY = b"|".join(re.escape(name.encode()) for name in (*_SHORT_OPTIONS, "login"))
_MENTION = re.compile(rb"(?<![\w.\-])(?:" + _ANY + rb")(?![\w.\-])")
"""Finds whether a text mentions such a program at all."""

_LOGIN_PROGRAMS = word_set("buildah crane docker helm nerdctl oras podman skopeo")
"""Programs whose -p is a password, but only in their command `login`."""
_LOGIN_OPTIONS = (_ShortOption(b"-p"),)

_WRAPPERS = word_set(
    """
    busybox chpst chroot crictl doas docker dumb-init env exec flock gosu ionice kubectl nerdctl
    nice nohup nsenter oc podman proxychains runuser script setsid ssh stdbuf strace su su-exec
    sudo systemd-run taskset time timeout tini unbuffer watch xargs
    """
)
"""Programs that run another one, named in a later argument."""


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

    @property
    def span(self) -> Span:
        """The range of bytes in the whole."""
        return self.start, self.start + len(self.text)


def find_secrets(cmdline: bytes) -> Iterator[Span]:
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
    """Whether a program with such options may be among them."""
    program: str | None = None
    """The first argument's file name."""
    options: dict[_ShortOption, None] = field(default_factory=dict)
    """The options of all programs found so far."""
    awaited: _ShortOption | str | None = None
    """The option, or the name, whose value the next argument is."""

    def read(self, arguments: Iterable[_Argument]) -> Iterator[Span]:
        """The secrets among them."""
        before = b""
        for argument in arguments:
            is_text = self.is_text or _RUNS_TEXT.fullmatch(before) is not None
            yield from self._one(argument, is_text=is_text)
            before = argument.text

    def _one(self, argument: _Argument, *, is_text: bool) -> Iterator[Span]:
        awaited, self.awaited = self.awaited, None
        if awaited is not None:
            yield from _awaited_value(awaited, argument.unquoted())
        if not isinstance(awaited, _ShortOption):
            if self.mentions:
                self._note_program(argument.text)
                yield from self._short_options(argument)
            yield from self._named(argument, is_text=is_text)
        if self.depth == 0:
            for left, right in find_in_text(argument.text):
                yield argument.start + left, argument.start + right
        if self.depth < _MAX_DEPTH and _TEXT_WITH_OPTION.search(argument.text):
            inner = _Reading(depth=self.depth + 1, is_text=True, mentions=self.mentions)
            yield from inner.read(_words(argument))

    def _note_program(self, text: bytes) -> None:
        for command in _COMMAND_END.split(text) if self.is_text else (text,):
            name = command.rpartition(b"/")[2].decode("latin-1")
            if self.program is None:
                self.program = name
            elif self.program in _LOGIN_PROGRAMS and name == "login":
                self.options.update(dict.fromkeys(_LOGIN_OPTIONS))
            elif not (self.is_text or self.program in _WRAPPERS):
                continue
            self.options.update(dict.fromkeys(_SHORT_OPTIONS.get(name, ())))

    def _short_options(self, argument: _Argument) -> Iterator[Span]:
        text = argument.text
        for option in self.options:
            if text == option.flag or (option.separate and _ends_cluster(text, option.flag)):
                self.awaited = option if option.separate else None
                return
            if option.attached and text.startswith(option.flag):
                yield from _awaited_value(option, argument.after(len(option.flag)).unquoted())

    def _named(self, argument: _Argument, *, is_text: bool) -> Iterator[Span]:
        """`--name=value`, `-Dname=value`, `NAME=value`; `--name` takes the next argument."""
        text = argument.text
        if option := _OPTION.match(text):
            name = option[1].decode("latin-1")
            defines = text[1:2] in (b"D", b"P")  # java, gradle: -Dname=value
            if option[2]:
                value = argument.after(option.end()).unquoted()
                if is_secret(name, value.text) or (defines and is_secret(name[1:], value.text)):
                    yield value.span
            elif not defines and not self._takes_no_value(text) and secrecy(name) != Secrecy.NONE:
                self.awaited = name
        elif not is_text and (variable := _VARIABLE.match(text)):
            value = argument.after(variable.end())
            name = variable[1].decode("latin-1")
            if is_secret(name, value.text) and not _MORE_PAIRS.search(value.text):
                yield value.span

    def _takes_no_value(self, text: bytes) -> bool:
        return any(option.flag == text and not option.separate for option in self.options)


def _ends_cluster(text: bytes, flag: bytes) -> bool:
    """Whether single-letter options end in one that waits for its value: `-sSu user:password`."""
    return len(flag) == 2 and text[:1] == b"-" and text[1:].isalpha() and text[-1:] == flag[-1:]


def _awaited_value(option: _ShortOption | str, value: _Argument) -> Iterator[Span]:
    if isinstance(option, str):
        # After a flag without a value (`--password` to be asked) comes another option.
        if not _OPTION.match(value.text) and is_secret(option, value.text):
            yield value.span
        return
    _, found, secret = (
        value.text.partition(option.after) if option.after else (b"", b"-", value.text)
    )
    if found and is_secret("password", secret):
        yield value.after(len(value.text) - len(secret)).span


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
    for begin, end in (*find_in_text(text), *find_secrets(arguments)):
        # The bytes of a character beyond ASCII stand for one star together.
        masked[begin:end] = bytes(
            ord("*") if byte & 0xC0 != 0x80 else 0xFF for byte in text[begin:end]
        )
    return masked.replace(b"\xff", b"").decode("utf-8", "surrogatepass")
