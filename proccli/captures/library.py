"""scapy, loaded when a capture is opened, and kept quiet."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from proccli.captures.tally import CaptureError


class Readers(NamedTuple):
    """scapy's readers of packets as bytes."""

    pcap: Any
    pcapng: Any


def readers() -> Readers:
    """What reads captures. Raises: CaptureError if it is not installed."""
    # Whatever scapy has to say of a damaged file, it says it to a terminal, which is ours.
    logging.getLogger("scapy").setLevel(logging.CRITICAL + 1)
    try:
        with _without_folders(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from scapy.utils import RawPcapNgReader, RawPcapReader
    except (ImportError, OSError) as error:
        problem = "reading captures needs scapy, which is not installed"
        if getattr(error, "name", None) != "scapy":
            # 2.6.0 can't do without its folders.
            problem = f"reading captures needs scapy 2.6.1 or newer; this one fails: {error}"
        raise CaptureError(problem, hint="pip install 'proccli[pcap]'") from error
    return Readers(RawPcapReader, RawPcapNgReader)


@contextmanager
def _without_folders() -> Iterator[None]:
    """Let scapy find no home: it would make ~/.cache and ~/.config/scapy when it is loaded.

    A folder that can't be made is one that it does without.
    """
    names = ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, f"{os.devnull}/none"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
