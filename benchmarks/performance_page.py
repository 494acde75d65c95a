"""The page docs/performance.md, made of measurements."""

from __future__ import annotations

import itertools
import os
import platform
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Final

from load import Size
from measuring import Measured, Runs

# The names of what is measured, as the page shows them.
ONCE, AGENT = "native stand-in", "native stand-in, as often as agent 6.5"
PLAIN = "plain Python"
PSUTIL, LSOF, SS, PS = "psutil loop", "`lsof -nP -i`", "`ss -tunap`", "`ps -eo …`"
SCAN, SCAN_ONE = "`proccli scan --json`", "`proccli scan --json --jobs 1`"
SOCKETS = "`proccli sockets --no-wait --json`"
SYNC = "`proccli sync --once --no-wait --json`"
RECORD, REPLAY = "`proccli record`", "`proccli scan --json -s RECORDING`"
MANY_RULES = "`proccli scan --json` with many rules"
EXPLAIN = "`proccli explain PID --json`"


@dataclass(frozen=True, slots=True)
class Stage:
    """What was measured under one load."""

    size: Size
    namespaces: int
    started_s: float
    others: int
    """Processes of the machine that are not of the load."""
    elsewhere: float
    """The share of the machine's time that other programs used."""
    runs: Runs
    before: Sequence[Measured] = field(default=())
    """`explain` without the load."""


_TEXT: Final = """\
# Performance

How long proccli takes on a machine with many processes and connections, compared with other
programs on the same machine. `make bench` measures this and writes this page;
`make bench SIZE=500/2000` prints the results for one size and leaves the page as it is.

## Method

The load (`benchmarks/load.py`) is real: processes with distinct command lines in trees, which
hold both ends of TCP connections over loopback, one in ten over IPv6, and listeners and UDP
sockets besides. Half of the processes are in further network namespaces. A size such as 500/2000
means 500 processes and 2,000 connections, which are 4,000 sockets.

All programs take turns, and the numbers are medians (rounds: {rounds}). A first round is not
counted; its output is checked: nothing that is there may be missing. proccli has a configuration
with ten rules and writes all of its JSON.

- **time**: wall time of the whole process, from start to end.
- **CPU**: user and system time of all its processes together.
- **/ once**, **/ agent**, **/ plain**: time as a multiple of that of the native stand-in, which
  reads once or as often as the agent, and of plain Python; the median of the ratios in each round.
- **peak**: resident memory of the largest single process. Values below {least} MiB cannot be
  measured in this way.

The **native stand-in** (`benchmarks/native/agent_reads.rs`, Rust) reads every file and link that
the agent reads, once, and joins processes and sockets. It has no rules and no output: its time is
the kernel's, and little more. "As often as agent 6.5" repeats reads like this agent does for its
list of sockets.

**Plain Python** (`benchmarks/plain_scan.py`) makes these reads in one short loop, without rules,
roles, messages and output: what proccli takes beyond it is its own work.

psutil, `lsof`, `ss` and `ps` do less than proccli: psutil and `ss` list the sockets of one network
namespace, `lsof` does not know command lines, `ps` does not know sockets, and none of them applies
rules or assigns roles to connections.

## Machine

{machine}
{busy}
"""


def page(
    stages: Sequence[Stage], many: Stage | None, *, rounds: int, rules: int, least_kib: int
) -> str:
    """The page in Markdown. No peak of memory below `least_kib` can be measured."""
    least_mib = -(-least_kib // 1024)
    busiest = max(one.elsewhere for one in [*stages, *([many] if many else [])])
    busy = "" if busiest < 0.1 else _BUSY.format(busiest=round(busiest * 100))
    text = _TEXT.format(rounds=rounds, least=least_mib, machine=_machine(), busy=busy)
    sections = [text.rstrip() + "\n", "## Results\n"]
    for one in stages:
        sections += [f"### {_title(one)}\n", _times(one, least_mib)]
    if len(stages) > 1:
        sections += ["## Growth\n", _growth(stages)]
    sections += ["## Further measurements\n", _derived(stages[-1], rules)]
    if many is not None:
        sections += ["## Many network namespaces\n", f"{_title(many)}.\n", _times(many, least_mib)]
    return "\n".join(sections)


_BUSY: Final = """\
**The machine was not idle**: other programs used up to {busiest} % of its time during the
measurement. Times are too long, and programs with several processes gain less than they could.
"""


def _title(one: Stage) -> str:
    networks = "namespace" if one.namespaces == 0 else "namespaces"
    return (
        f"{one.size.processes:,} processes, {one.size.connections:,} connections,"
        f" {one.namespaces + 1} network {networks}"
    )


def _times(one: Stage, least_mib: int) -> str:
    head = ["program", "time", "/ once", "/ agent", "/ plain", "CPU", "peak"]
    rows = []
    for name, measured in one.runs.items():
        rows.append(
            [
                name,
                f"{_median(run.wall_s for run in measured):.2f} s",
                *(_ratio(measured, one.runs.get(peer), _wall) for peer in (ONCE, AGENT, PLAIN)),
                f"{_median(run.cpu_s for run in measured):.2f} s",
                _peak(measured, least_mib),
            ]
        )
    start = f"The load took {one.started_s:.1f} s to start"
    return f"{_table(head, rows)}\n{start}; {one.others} other processes were there.\n"


def _wall(run: Measured) -> float:
    return run.wall_s


def _cpu(run: Measured) -> float:
    return run.cpu_s


def _ratio(
    measured: Sequence[Measured],
    base: Sequence[Measured] | None,
    value: Callable[[Measured], float],
) -> str:
    if base is None:
        return "–"
    pairs = zip(measured, base, strict=True)
    return f"{_median(value(mine) / value(other) for mine, other in pairs):.2f}"


def _peak(measured: Sequence[Measured], least_mib: int) -> str:
    peak = max(run.peak_kib for run in measured) / 1024
    return f"{peak:.0f} MiB" if peak > least_mib else f"< {least_mib} MiB"


def _growth(stages: Sequence[Stage]) -> str:
    """CPU per item at each size, and between the sizes, where the time to start is left out."""
    names = [name for name in stages[0].runs if all(name in one.runs for one in stages)]
    items = [one.size.processes + 2 * one.size.connections for one in stages]
    head = ["program", *(str(one.size) for one in stages)]
    head += [f"{one.size} to {other.size}" for one, other in itertools.pairwise(stages)]
    rows = []
    for name in names:
        cpu = [_median(run.cpu_s for run in one.runs[name]) * 1e6 for one in stages]
        each = [f"{used / count:.1f}" for used, count in zip(cpu, items, strict=True)]
        steps = [
            f"{(cpu[nth + 1] - cpu[nth]) / (items[nth + 1] - items[nth]):.1f}"
            for nth in range(len(stages) - 1)
        ]
        rows.append([name, *each, *steps])
    return _GROWTH + _table(head, rows)


_GROWTH: Final = """\
CPU time in µs for each process and socket of the load: at each size, and for each one that a larger
size adds, which leaves out the time to start. Where these are equal, cost is linear.

"""


def _derived(one: Stage, rules: int) -> str:
    """What is measured by comparing two runs."""
    rows = []
    for name, other in (
        (SCAN, LSOF),
        (SCAN, PSUTIL),
        (SCAN_ONE, LSOF),
        (SCAN_ONE, PSUTIL),
        (REPLAY, SCAN),
        (REPLAY, SCAN_ONE),
    ):
        if name in one.runs and other in one.runs:
            runs = one.runs[name], one.runs[other]
            wall = _ratio(*runs, _wall)
            cpu = _ratio(*runs, _cpu)
            rows.append([f"{name} / {other}", wall, cpu])
    if MANY_RULES in one.runs:
        many, ten = one.runs[MANY_RULES], one.runs[SCAN]
        extra = [f"+{_median(map(of, many)) - _median(map(of, ten)):.2f} s" for of in (_wall, _cpu)]
        rows.append(
            [f"`proccli scan --json` with {rules:,} rules that match nothing: more by", *extra]
        )
    if one.before:
        loaded = one.runs[EXPLAIN]
        idle = [
            f"{_median(map(of, loaded)) / _median(map(of, one.before)):.2f}" for of in (_wall, _cpu)
        ]
        rows.append([f"{EXPLAIN} / the same without the load", *idle])
    return f"At {one.size}:\n\n" + _table(["", "time", "CPU"], rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _median(values: Iterable[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return (ordered[middle] + ordered[-1 - middle]) / 2


def _machine() -> str:
    """The machine, and the versions of what was measured."""
    cpu = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = re.search(r"^model name\s*:\s*(.+)$", cpu, re.MULTILINE)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    virtual = ", virtual" if re.search(r"\bhypervisor\b", cpu) else ""
    kernel = re.match(r"\d+\.\d+", platform.release())
    cores = len(os.sched_getaffinity(0))
    facts = [
        f"{model[1] if model else platform.machine()}, {cores} cores{virtual}",
        f"{memory:.0f} GiB of memory",
        f"Linux {kernel[0] if kernel else ''}",
        f"{platform.python_implementation()} {platform.python_version()}",
        f"proccli {version('proccli')}, psutil {version('psutil')}",
    ]
    return "".join(f"- {fact}\n" for fact in facts)
