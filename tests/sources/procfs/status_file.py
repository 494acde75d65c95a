"""A complete /proc/PID/status, as agents of `inputs.proc` need it."""

from __future__ import annotations

from collections.abc import Mapping

_PROGRAM = {
    "VmPeak": "   10240 kB",
    "VmSize": "   10240 kB",
    "VmLck": "       0 kB",
    "VmHWM": "    2048 kB",
    "VmRSS": "    2048 kB",
    "VmSwap": "       0 kB",
}
_MASKS = (
    *("SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt"),
    *("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"),
)


def status_of(
    comm: str | bytes,
    *,
    pid: int = 1,
    ppid: int = 0,
    uid: int = 0,
    kernel_thread: bool = False,
    changed: Mapping[str, str | None] | None = None,
) -> bytes:
    """The file of a process; `changed` has other values for lines, None for a line left out."""
    name = comm.encode() if isinstance(comm, str) else comm
    ids = "\t".join([str(uid)] * 4)
    lines: dict[str, object] = {
        "Umask": "0022",
        "State": "S (sleeping)",
        "Tgid": pid,
        "Ngid": 0,
        "Pid": pid,
        "PPid": ppid,
        "TracerPid": 0,
        "Uid": ids,
        "Gid": ids,
        "FDSize": 64,
        "Groups": " ",
        **dict.fromkeys(("NStgid", "NSpid", "NSpgid", "NSsid"), pid),
        **({} if kernel_thread else _PROGRAM),
        "Threads": 1,
        "SigQ": "0/63435",
        **dict.fromkeys(_MASKS, "0" * 16),
        "NoNewPrivs": 0,
        "Seccomp": 0,
        "Speculation_Store_Bypass": "thread vulnerable",
        "Cpus_allowed": "f",
        "Cpus_allowed_list": "0-3",
        "Mems_allowed": "00000000,00000001",
        "Mems_allowed_list": "0",
        "voluntary_ctxt_switches": 150,
        "nonvoluntary_ctxt_switches": 3,
    }
    written = [b"Name:\t" + name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")]
    for key, value in {**lines, **(changed or {})}.items():
        if value is not None:
            written.append(f"{key}:\t{value}".encode())
    return b"\n".join(written) + b"\n"
