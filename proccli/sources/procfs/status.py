"""Parsing /proc/PID/status as strictly as agents of `inputs.proc` do.

Such an agent reads the name of a process from here. One line that is not what its reader expects,
a supplementary group above 2^31 for example, and the process does not exist for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from proccli.sources.procfs.files import Unreadable

_BLANKS: Final = (
    "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009"
    "\u200a\u2028\u2029\u202f\u205f\u3000"
)
"""What Rust's `str::trim` removes: Unicode's White_Space. Python's `strip` removes more."""

_Check = Callable[[str], bool]


def _integer(bits: int, *, signed: bool = False, base: int = 10) -> _Check:
    """Whether a text is an integer for Rust's parser: a sign, digits, and in range."""
    digits = {8: "0-7", 10: "0-9", 16: "0-9A-Fa-f"}[base]
    pattern = re.compile(rf"[+-]?[{digits}]+" if signed else rf"\+?[{digits}]+")
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)

    def check(text: str) -> bool:
        return len(text) <= 40 and bool(pattern.fullmatch(text)) and low <= int(text, base) <= high

    return check


def _each(check: _Check, separator: str | None = None) -> _Check:
    return lambda text: all(check(part) for part in text.split(separator))


def _ids(text: str) -> bool:
    parts = text.split()
    return len(parts) >= 4 and all(_U32(part) for part in parts[:4])


def _kilobytes(text: str) -> bool:
    return _U64(text.replace(" kB", ""))


def _queue(text: str) -> bool:
    parts = text.split("/")
    return len(parts) >= 2 and _U64(parts[0]) and _U64(parts[1])


def _any(_: str) -> bool:
    return True


_U32, _U64 = _integer(32), _integer(64)
_I32 = _integer(32, signed=True)
_HEX64 = _integer(64, base=16)


def _of_value(check: _Check) -> _Check:
    """The check of what follows the colon: the files of most processes have the same values."""
    return lru_cache(256)(lambda value: check(value.strip(_BLANKS)))


_REQUIRED_VALUES: Final[Mapping[str, _Check]] = {
    "Name": _any,
    "State": _any,
    **dict.fromkeys(("Tgid", "Pid", "PPid", "TracerPid"), _I32),
    **dict.fromkeys(("Uid", "Gid"), _ids),
    "FDSize": _U32,
    "Groups": _each(_I32),
    "Threads": _U64,
    "SigQ": _queue,
    **dict.fromkeys(("SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt"), _HEX64),
    **dict.fromkeys(("CapInh", "CapPrm", "CapEff"), _HEX64),
}
_OPTIONAL_VALUES: Final[Mapping[str, _Check]] = {
    "Umask": _integer(32, base=8),
    "Ngid": _I32,
    **dict.fromkeys(("NStgid", "NSpid", "NSpgid", "NSsid"), _each(_I32)),
    **dict.fromkeys(
        ("VmPeak", "VmSize", "VmLck", "VmPin", "VmHWM", "VmRSS", "VmData", "VmStk", "VmExe"),
        _kilobytes,
    ),
    **dict.fromkeys(
        ("RssAnon", "RssFile", "RssShmem", "VmLib", "VmPTE", "VmSwap", "HugetlbPages"), _kilobytes
    ),
    **dict.fromkeys(("CapBnd", "CapAmb"), _HEX64),
    **dict.fromkeys(("NoNewPrivs", "Seccomp", "CoreDumping", "THP_enabled"), _U32),
    **dict.fromkeys(("Cpus_allowed", "Mems_allowed"), _each(_integer(32, base=16), ",")),
    **dict.fromkeys(("voluntary_ctxt_switches", "nonvoluntary_ctxt_switches"), _U64),
}
_REQUIRED, _OPTIONAL = (
    {key: _of_value(check) for key, check in checks.items()}
    for checks in (_REQUIRED_VALUES, _OPTIONAL_VALUES)
)


def parse_status_name(content: bytes) -> str:
    """The name of a process as the agent has it: cut at a colon, without blanks at its ends.

    Of a key that comes twice the last counts; lines of unknown keys may hold anything.

    Source: /proc/PID/status, proc_pid_status(5); the agent's fork of procfs, process/status.rs;
    measured cases.
    Raises: Unreadable if the agent's reader rejects any line.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise Unreadable("malformed", "not UTF-8") from None
    pairs = _PAIR.findall(text)
    lines = text.count("\n") + (not text.endswith("\n"))
    if len(pairs) != lines and not all(map(_is_pair, text.split("\n"))):
        raise Unreadable("malformed", "a line without a colon")
    values: dict[str, str] = dict(pairs)
    for key, check in _REQUIRED.items():
        if key not in values or not check(values[key]):
            raise Unreadable("malformed", key)
    for key, check in _OPTIONAL.items():
        if key in values and not check(values[key]):
            raise Unreadable("malformed", key)
    return values["Name"].strip(_BLANKS)


_PAIR: Final = re.compile(r"^([^:\n]*):([^:\n]*)", re.MULTILINE)


def _is_pair(line: str) -> bool:
    return ":" in line or not line.removesuffix("\r")
