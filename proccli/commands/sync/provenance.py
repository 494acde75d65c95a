"""What a document says about its origin: the machine, its addresses, the configuration file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from proccli.agent.inputs import Inputs
from proccli.commands.samples import addresses_of
from proccli.model.process import Field, Host, Process
from proccli.sources.procfs.files import Unreadable, read_regular_at

_APPLICATION: Final = bytes.fromhex("deb2f3f4f7b84ed1bb9e3a8d0c0a7d11")
"""Identifies proccli: machine ids must not be given away, only ids derived from them."""
_MACHINE_ID: Final = re.compile(rb"([0-9a-f]{32})\n?")
_MAX_BYTES: Final = 64
_NETNS: Final[frozenset[Field]] = frozenset({"netns"})


class Provenance(NamedTuple):
    """The origin of a document."""

    host_id: str | None
    """Identifies the installed system, 32 hexadecimal digits; None: not known."""
    addresses: tuple[str, ...] | None
    """IPv4 addresses of all readable network namespaces, sorted, without loopback; None: none of
    them can be read."""
    config_sha256: str | None
    """Of the configuration file; None: the agent's defaults."""


def provenance(inputs: Inputs, processes: Iterable[Process] | None) -> Provenance:
    """The origin of what was read. `processes`: None if no processes were read."""
    import hashlib

    source = inputs.source
    if processes is None:
        processes = source.read_many(source.pids(), _NETNS)
    found = addresses_of(source, processes)
    text = inputs.config_text
    return Provenance(
        host_id=host_id(source.host),
        addresses=None if found is None else tuple(sorted(set(found), key=_by_number)),
        config_sha256=None if text is None else hashlib.sha256(text).hexdigest(),
    )


def _by_number(address: str) -> tuple[int, ...]:
    return tuple(map(int, address.split(".")))


def host_id(host: Host) -> str | None:
    """An id of the system that a live source shows: that of process 1, or, if its files are refused
    (we are not root), of the files that proccli sees. None: not live, or there is no id.

    It is that of `systemd-id128 machine-id -a deb2f3f4f7b84ed1bb9e3a8d0c0a7d11`.
    Systems that were copied together with their /etc/machine-id have the same id.

    Source: machine-id(5), sd_id128_get_machine_app_specific(3).
    """
    import hmac

    if host.kind != "live":
        return None
    text = _machine_id(f"{host.proc_root}/1/root")
    if text is None and host.proc_root == "/proc":
        text = _machine_id("/")
    if text is None or (found := _MACHINE_ID.fullmatch(text)) is None:
        return None
    derived = bytearray(hmac.digest(bytes.fromhex(found[1].decode()), _APPLICATION, "sha256")[:16])
    # The marks of a random UUID, as systemd sets them.
    derived[6] = derived[6] & 0x0F | 0x40
    derived[8] = derived[8] & 0x3F | 0x80
    return derived.hex()


def _machine_id(root: str) -> bytes | None:
    """/etc/machine-id below a root directory; None: it can't be read."""
    try:
        directory = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return read_regular_at("etc/machine-id", directory, _MAX_BYTES)
    except (OSError, Unreadable):
        return None
    finally:
        os.close(directory)
