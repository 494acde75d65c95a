"""Hiding secrets in command lines, argument by argument."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from proccli.model.note import Note
from proccli.model.process import (
    ALL_FIELDS,
    Environment,
    Field,
    FieldError,
    Host,
    Process,
    TextSpan,
)
from proccli.model.sockets import NetTables, SocketFd
from proccli.model.source import Source
from proccli.sources.secrets.arguments import find_secrets
from proccli.sources.secrets.names import is_secret
from proccli.sources.secrets.text import Secret

MASK = b"***"
"""Replaces every secret, whatever its length."""
MAX_SEARCHED_BYTES = 1 << 20
"""Of a command line: what follows is masked unread. Few command lines are longer, but a process may
write megabytes over its own arguments, to be searched by whoever records it."""
_MASK_NOT_UTF8 = MASK + b"\xff"


class Masked(NamedTuple):
    """A command line with its secrets replaced."""

    cmdline: bytes
    masked_spans: tuple[TextSpan, ...]
    """The ranges of the replacements."""
    found_by: tuple[str, ...] = ()
    """What each new one was recognized by, in any order; it may be hostile text."""


def mask(cmdline: bytes, masked_spans: Sequence[TextSpan] = ()) -> Masked:
    """A command line with its secrets replaced.

    `masked_spans` are those that it has already, from an earlier masking. The number of arguments
    stays the same up to `MAX_SEARCHED_BYTES`, and so does, always, whether the whole is UTF-8: the
    agent has no process whose command line isn't.
    """
    pieces: list[bytes] = []
    made: list[TextSpan] = []
    position = length = 0
    known = frozenset(masked_spans)
    searched = _searched_bytes(cmdline)
    # What looks like a name inside a secret is a part of it: the outermost secret gives the name.
    outermost: dict[int, Secret] = {}
    for found in find_secrets(cmdline[:searched]):
        if found.start not in outermost or found.end > outermost[found.start].end:
            outermost[found.start] = found
    if searched < len(cmdline):
        outermost[searched] = Secret(searched, len(cmdline), "too long to search")
    spans = [(found.start, found.end) for found in outermost.values()]
    found_by = []
    for start, end in _merged([*spans, *masked_spans]):
        if (start, end) not in known:
            first = outermost.get(start)
            found_by.append(first.found_by if first else "beside a masked value")
        secret = cmdline[start:end]
        stand_in = secret if (start, end) in known else _stand_in(secret)
        pieces += cmdline[position:start], stand_in
        length += start - position
        made.append((length, length + len(stand_in)))
        length += len(stand_in)
        position = end
    pieces.append(cmdline[position:])
    return Masked(b"".join(pieces), tuple(made), tuple(found_by))


def _searched_bytes(cmdline: bytes) -> int:
    """The length of the leading arguments that are searched, all of them if they are not too many.

    An argument is searched as a whole or not at all: a secret may begin in it and end after the
    limit. Empty arguments at the end are the padding of a title.
    """
    if len(cmdline.rstrip(b"\0")) <= MAX_SEARCHED_BYTES:
        return len(cmdline)
    return cmdline.rfind(b"\0", 0, MAX_SEARCHED_BYTES) + 1


def _stand_in(secret: bytes) -> bytes:
    try:
        secret.decode()
    except UnicodeDecodeError:
        return _MASK_NOT_UTF8
    return MASK


def _merged(spans: Iterable[TextSpan]) -> list[TextSpan]:
    """Ascending, and those that overlap made one."""
    merged: list[TextSpan] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def mask_process(process: Process) -> Process:
    """The process without the secrets of its command line."""
    if process.cmdline is None:
        return process
    return _with_mask(process, mask(process.cmdline, process.masked_spans))


def _with_mask(process: Process, masked: Masked) -> Process:
    if masked.masked_spans == process.masked_spans:
        return process
    return process._replace(cmdline=masked.cmdline, masked_spans=masked.masked_spans)


def mask_arguments(arguments: Iterable[str]) -> list[str]:
    """The arguments of a command without the secrets among them, to be shown."""
    line = b"".join(os.fsencode(argument) + b"\0" for argument in arguments)
    return [os.fsdecode(argument) for argument in mask(line)[0].split(b"\0")[:-1]]


def mask_environment(environment: Environment, names: Collection[str]) -> Environment:
    """The variables of these names; those that are secrets, by name or content, are not known."""
    secrets = {
        name
        for name in names
        if (value := environment.values.get(name)) is not None
        and (is_secret(name, raw := os.fsencode(value)) or mask(raw)[1])
    }
    return Environment(
        values={
            name: environment.values[name]
            for name in names
            if name in environment.values and name not in secrets
        },
        complete=False,
        origin=environment.origin,
        unset=frozenset(
            name for name in names if name not in environment.values and environment.knows(name)
        ),
    )


def no_mask_safe_keys(_real: Process, _masked: Process) -> frozenset[str]:
    """No keys: nothing was compared."""
    return frozenset()


class MaskedSource:
    """A source as a recording of it shows it: without secrets.

    `mask_safe` gets each process unmasked and masked, and returns what the masked one proves all
    the same: the keys for `Process.mask_safe`.
    """

    def __init__(
        self,
        source: Source,
        mask_safe: Callable[[Process, Process], frozenset[str]] = no_mask_safe_keys,
    ) -> None:
        self._source = source
        self._mask_safe = mask_safe
        self._masked: dict[int, tuple[Process, Process]] = {}
        self.found_by: Counter[str] = Counter()
        """What the secrets of the processes read so far were recognized by."""
        self.host: Host = source.host._replace(redacted=True)
        self.notes: Sequence[Note] = source.notes

    def pids(self) -> Sequence[int]:
        """As the wrapped source."""
        return self._source.pids()

    def read(self, pid: int, fields: frozenset[Field] = ALL_FIELDS) -> Process:
        """As the wrapped source, without secrets."""
        return self._mask(self._source.read(pid, fields))

    def read_many(
        self, pids: Iterable[int], fields: frozenset[Field] = ALL_FIELDS
    ) -> Iterator[Process]:
        """As the wrapped source, without secrets."""
        return map(self._mask, self._source.read_many(pids, fields))

    def _mask(self, real: Process) -> Process:
        known = self._masked.get(real.pid)
        if known is not None and known[0] is real:
            return known[1]
        masked = real
        if real.cmdline is not None:
            hidden = mask(real.cmdline, real.masked_spans)
            masked = _with_mask(real, hidden)
            if known is None:
                self.found_by.update(hidden.found_by)
        if masked is not real:
            masked = masked._replace(mask_safe=self._mask_safe(real, masked))
        self._masked[real.pid] = real, masked
        return masked

    def users(self, process: Process) -> Mapping[int, str] | None:
        """As the wrapped source."""
        return self._source.users(process)

    def socket_fds(self, pid: int) -> Sequence[SocketFd] | FieldError:
        """As the wrapped source."""
        return self._source.socket_fds(pid)

    def addresses(self, pid: int) -> Sequence[str] | None:
        """As the wrapped source."""
        return self._source.addresses(pid)

    def net_tables(self, pid: int) -> NetTables:
        """As the wrapped source."""
        return self._source.net_tables(pid)
