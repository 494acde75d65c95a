"""Names of hosts to connect to, checked: they become arguments of ssh and names of files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from proccli.errors import Location, SourceError
from proccli.files import read_file
from proccli.model.note import Note
from proccli.text import visible

_MAX_LENGTH: Final = 200
"""With `.jsonl.gz`, it is still the name of a file."""
_USER: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+@-]*", re.ASCII)
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", re.ASCII)
_PORT: Final = re.compile(r"[0-9]{1,5}", re.ASCII)
_SYNTAX: Final = "write [user@]host[:port], with an IPv6 address in brackets"


class Destination(NamedTuple):
    """A host to connect to."""

    text: str
    """As it was written, which is its name in results and of its file."""
    host: str
    """What ssh gets: a name, an alias of its configuration, or an address, with the user."""
    port: int | None
    """None: as ssh's configuration has it."""

    @property
    def file_name(self) -> str:
        """The name of its recording."""
        return f"{self.text}.jsonl.gz"


def parse_destination(text: str) -> Destination:
    """The host that a text names. Raises: ValueError with what is wrong."""
    if len(text) > _MAX_LENGTH:
        raise ValueError(f"longer than {_MAX_LENGTH} characters")
    if "://" in text:
        raise ValueError(f"is a URI ({_SYNTAX})")
    user, at, place = text.rpartition("@")
    if at and not _USER.fullmatch(user):
        raise ValueError(f"is not the name of a user and a host ({_SYNTAX})")
    host, port = _host_and_port(place)
    return Destination(text=text, host=f"{user}{at}{host}", port=port)


def _host_and_port(text: str) -> tuple[str, int | None]:
    host, colon, port = text, "", ""
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        colon, port = rest[:1], rest[1:]
        if not closed or not _is_ipv6(host) or colon not in ("", ":"):
            raise ValueError(f"is not an address in brackets ({_SYNTAX})")
    elif text.count(":") > 1:
        if not _is_ipv6(text):
            raise ValueError(f"is not the name of a host ({_SYNTAX})")
    else:
        host, colon, port = text.partition(":")
        if not _NAME.fullmatch(host):
            raise ValueError(f"is not the name of a host ({_SYNTAX})")
    if not colon:
        return host, None
    if not _PORT.fullmatch(port) or not 1 <= int(port) <= 65_535:
        raise ValueError("has no port from 1 to 65535 after the colon")
    return host, int(port)


def _is_ipv6(text: str) -> bool:
    from ipaddress import IPv6Address

    address, percent, zone = text.partition("%")
    if percent and not _NAME.fullmatch(zone):
        return False
    try:
        IPv6Address(address)
    except ValueError:
        return False
    return True


class Destinations(NamedTuple):
    """The hosts of a file."""

    hosts: tuple[Destination, ...]
    """Each once, in order."""
    notes: tuple[Note, ...]
    """Those that are listed more than once."""


def read_destinations(path: str) -> Destinations:
    """The hosts in a file (`-`: stdin): one a line; `#` begins a comment.

    Raises: ConfigFileError, SourceError with the line.
    """
    name = "<stdin>" if path == "-" else path
    hosts: dict[str, Destination] = {}
    again: dict[str, None] = {}
    for at, text in _lines(read_file(path), name):
        try:
            destination = parse_destination(text)
        except ValueError as error:
            raise SourceError(f"{visible(text[:_MAX_LENGTH])} {error}", at) from error
        if text in hosts:
            again[text] = None
        hosts[text] = destination
    if not hosts:
        raise SourceError(f"{name} lists no hosts", hint=_SYNTAX)
    notes = tuple(Note.of("host-listed-again", host=host) for host in again)
    return Destinations(tuple(hosts.values()), notes)


def _lines(content: bytes, name: str) -> Iterator[tuple[Location, str]]:
    for number, raw in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        line = raw.decode("utf-8", "backslashreplace").removesuffix("\r")
        text = re.sub(r"(^|[ \t])#.*", "", line, flags=re.DOTALL).strip(" \t")
        if text:
            yield Location(name, number, line.index(text) + 1), text
