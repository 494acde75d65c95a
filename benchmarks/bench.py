"""Time and peak memory of proccli and of its peers under a real load, in turns.

    python benchmarks/bench.py                    all sizes; writes docs/performance.md
    python benchmarks/bench.py PROCESSES/CONNECTIONS ...   these sizes; prints the page
        --rounds N    how often each program runs (5)
        --rules N     how many rules the configuration with many rules has (1000)
        --out FILE    write the page to this file

`make bench` and `make bench SIZE=500/2000` run it. load.py is the load. The peers are lsof, ss, ps,
psutil, plain_scan.py, and native/agent_reads.rs, each if it (or rustc) is there. All take turns, so
that other programs slow all of them; ratios are those to the last two in the same round. With
root's rights, everything is in a new pid and network namespace, where no other processes are seen.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Final, NoReturn

from load import LoadError, Size, loopback_up, started
from measuring import Busy, Contestant, RunError, Runner, runner, say
from performance_page import (
    AGENT,
    EXPLAIN,
    LSOF,
    MANY_RULES,
    ONCE,
    PLAIN,
    PS,
    PSUTIL,
    RECORD,
    REPLAY,
    SCAN,
    SCAN_ONE,
    SOCKETS,
    SS,
    SYNC,
    Stage,
    page,
)

_ROOT: Final = Path(__file__).parent.parent
_PAGE: Final = _ROOT / "docs" / "performance.md"
_SIZES: Final = (Size(500, 2000), Size(2000, 10000), Size(5000, 20000))
_MANY: Final = Size(2000, 10000)
"""The size with many network namespaces."""
_NAMESPACES, _MANY_NAMESPACES = 4, 50
_ISOLATED: Final = "PROCCLI_BENCH_ISOLATED"

_TEN_RULES: Final = (
    ("process_name", "^(sleep|bash|sh|ssh|top|ps)$", "drop", ""),
    ("cmdline", r"^(?:\S*/)?java .*-jar (?:\S*/)?([^/ ]+)\.jar.*$", "accept", "$1"),
    ("cmdline", r"^(?:\S*/)?python\S* .*?(?:\S*/)?([^/ ]+)\.py.*$", "accept", "$1"),
    ("cmdline", r"^(?:\S*/)?node .*?/([^/ ]+)/server\.js.*$", "accept", "$1"),
    ("process_name", "^nginx: ", "accept", "nginx"),
    ("process_name", "^postgres: ", "accept", "postgres"),
    ("parent_process_name", "^php-fpm$", "accept", ""),
    ("cmdline", r"\bredis-server\b.*/(redis-\d+)\.conf", "accept", ""),
    ("process_name", "^(containerd-shim.*|pause)$", "drop", ""),
    ("process_name", ".*", "accept", ""),
)


class Programs:
    """Commands of all contestants. Files that they need are in a folder."""

    def __init__(self, folder: Path, rules: int) -> None:
        self._folder = folder
        self._proccli = str(Path(sys.executable).with_name("proccli"))
        self._config = folder / "ten-rules.yaml"
        self._config.write_text(_configuration(_TEN_RULES))
        kinds = (
            ("process_name", "^service-{}$", "accept", ""),
            ("cmdline", r"-Dservice\.name=service-{}(?:\s|$)", "accept", ""),
            ("cmdline", r"^/opt/service-{}/bin/(\S+) .*", "accept", "$1"),
        )
        many = []
        for number in range(rules):
            subject, pattern, action, name = kinds[number % len(kinds)]
            many.append((subject, pattern.replace("{}", str(number)), action, name))
        self._many_rules = folder / "many-rules.yaml"
        self._many_rules.write_text(_configuration(many))
        self._native = _compiled(folder)
        help_text = subprocess.run(
            [self._proccli, "scan", "--help"], stdout=subprocess.PIPE, check=True
        ).stdout
        self._has_jobs = b"--jobs" in help_text

    def peers(self, size: Size) -> Iterable[Contestant]:
        """The stand-in, then other programs that are installed."""
        ends = size.connections * 9 // 5  # without IPv6, which the agent does not send
        if self._native is not None:
            for name, mode in ((ONCE, "once"), (AGENT, "agent")):
                yield Contestant(name, [self._native, mode], _native_ends, ends)
        plain, psutil = (
            str(_ROOT / "benchmarks" / one) for one in ("plain_scan.py", "psutil_loop.py")
        )
        yield Contestant(PLAIN, [sys.executable, plain], _plain_ends, 2 * size.connections)
        yield Contestant(PSUTIL, [sys.executable, psutil])
        for name, command in (
            (LSOF, "lsof -nP -i"),
            (SS, "ss -tunap"),
            (PS, "ps -eo pid,ppid,lstart,user,comm,args"),
        ):
            if shutil.which(command.split()[0]):
                yield Contestant(name, command.split(), may_fail=name == LSOF)

    def scan(self, name: str, size: Size, *options: str, config: Path | None = None) -> Contestant:
        """`proccli scan`, with the ten rules if no other configuration is given."""
        command = [self._proccli, "scan", "--json", "-c", str(config or self._config), *options]
        return Contestant(name, command, _scanned_sockets, 2 * size.connections)

    def main(self, size: Size) -> Iterable[Contestant]:
        """What is measured at each size."""
        if self._has_jobs:
            yield self.scan(SCAN_ONE, size, "--jobs", "1")
        yield self.scan(SCAN, size)
        common = ["--no-wait", "--json", "-c", str(self._config)]
        yield Contestant(
            SOCKETS,
            [self._proccli, "sockets", *common],
            partial(_length, "sockets"),
            2 * size.connections,
        )
        yield Contestant(
            SYNC,
            [self._proccli, "sync", "--once", "--no-state", *common],
            partial(_length, "sockets"),
            size.connections,
        )

    def more(self, size: Size) -> Iterable[Contestant]:
        """What is measured at the largest size only."""
        recording = self._folder / "recording.jsonl.gz"
        command = [self._proccli, "record", "--force", "--no-wait", "-c", str(self._config)]
        yield Contestant(RECORD, [*command, str(recording)])
        yield self.scan(REPLAY, size, "-s", str(recording))
        yield self.scan(MANY_RULES, size, config=self._many_rules)
        yield self.explain()

    def explain(self) -> Contestant:
        """Of a process that is there before the load, too: this one."""
        command = [self._proccli, "explain", "--json", "-c", str(self._config), str(os.getpid())]
        return Contestant(EXPLAIN, command)


def _configuration(rules: Iterable[tuple[str, str, str, str]]) -> str:
    """YAML, of which JSON is a part."""
    names = ("match-type", "match-regex", "action", "rewrite-name")
    listed = [dict(zip(names, rule, strict=True)) for rule in rules]
    return json.dumps(
        {"static_config": {"os-proc-sync-enabled": True, "os-proc-regex": listed}}, indent=1
    )


def _compiled(folder: Path) -> str | None:
    """The native stand-in, or None where it cannot be built."""
    source, program = _ROOT / "benchmarks" / "native" / "agent_reads.rs", folder / "agent_reads"
    if shutil.which("rustc") is None:
        say("rustc is not there: without the native stand-in, and without ratios to it")
        return None
    command = ["rustc", "--edition", "2021", "-O", "-o", str(program), str(source)]
    if subprocess.run(command, check=False).returncode != 0:
        say("the native stand-in cannot be built: without it, and without ratios to it")
        return None
    return str(program)


def _plain_ends(output: bytes) -> int:
    return int(output.split()[1])


def _native_ends(output: bytes) -> int:
    found = re.search(rb"(\d+) ends of connections", output)
    return int(found[1]) if found else 0


def _scanned_sockets(output: bytes) -> int:
    counts = [process["sockets"] for process in json.loads(output)["processes"]]
    return sum(sum(count.values()) for count in counts if count is not None)


def _length(key: str, output: bytes) -> int:
    return len(json.loads(output)[key])


def stage(
    using: Runner,
    programs: Programs,
    size: Size,
    *,
    namespaces: int,
    rounds: int,
    everything: bool,
) -> Stage:
    """Measure under a load. Raises: RunError, LoadError."""
    label = f"{size}, {namespaces} network namespaces"
    before = []
    if everything:
        using.check(programs.explain())
        before = [using.run(programs.explain()) for _ in range(rounds)]
    others = sum(entry.name.isdigit() for entry in Path("/proc").iterdir())
    say(f"{label}: start")
    with started(size, namespaces) as load:
        contestants = [*programs.peers(size), *programs.main(size)]
        if everything:
            contestants += programs.more(size)
        busy = Busy()
        runs = using.turns(label, contestants, rounds)
        ours_s = sum(run.cpu_s for each in runs.values() for run in each) * (rounds + 1) / rounds
        elsewhere = busy.elsewhere(ours_s)
    return Stage(size, load.namespaces, load.seconds, others, elsewhere, runs, before)


def isolate() -> None:
    """Run this program again in new namespaces, if that is possible and was not yet done."""
    if _ISOLATED in os.environ:
        loopback_up()
        return
    unshare = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--net"]
    if shutil.which("unshare") and subprocess.run([*unshare, "true"], check=False).returncode == 0:
        os.environ[_ISOLATED] = "yes"
        # Files in there vanish together with the namespaces.
        script = 'mount -t tmpfs tmpfs /dev/shm && export TMPDIR=/dev/shm; exec "$@"'
        os.execvp(unshare[0], [*unshare, "sh", "-c", script, "sh", sys.executable, *sys.argv])
    say("no new namespaces: other processes of this machine are seen, too")


def _stop(number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + number)


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description="Measure proccli and its peers under a load.")
    parser.add_argument("sizes", type=Size.parse, nargs="*", metavar="PROCESSES/CONNECTIONS")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rules", type=int, default=1000)
    parser.add_argument("--out", type=Path, help="default: docs/performance.md if no size is given")
    given = parser.parse_args()
    isolate()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(
            number, _stop
        )  # which the first process of a pid namespace ignores by default
    sizes = given.sizes or _SIZES
    many = sizes[-1] if given.sizes else _MANY
    out = given.out or (None if given.sizes else _PAGE)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="proccli-bench-") as folder,
            runner(Path(folder)) as using,
        ):
            programs = Programs(Path(folder), given.rules)
            measure = partial(stage, using, programs, rounds=given.rounds)
            stages = [
                measure(size=size, namespaces=_NAMESPACES, everything=size == sizes[-1])
                for size in sizes
            ]
            last = (
                measure(size=many, namespaces=_MANY_NAMESPACES, everything=False)
                if stages[-1].namespaces == _NAMESPACES  # else there cannot be more
                else None
            )
            least_kib = using.least_peak_kib()
    except (RunError, LoadError) as error:
        sys.exit(f"bench.py: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    text = page(stages, last, rounds=given.rounds, rules=given.rules, least_kib=least_kib)
    if out is None:
        print(text, end="")
    else:
        out.write_text(text, encoding="utf-8")
        say(f"written: {out}")


if __name__ == "__main__":
    main()
