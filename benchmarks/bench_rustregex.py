"""Ordinary rules on ordinary command lines, compared with the engines that proccli uses.

    python benchmarks/bench_rustregex.py

Prints, for each rule, the microseconds per command line of `is_match` and of `search` in proccli,
in the module `regex` and in `re`, and the ratio to `regex`; then the time of the crate itself if
polars is installed, the time to compile, and the time for 4 MB where the backtracking engine
reaches its time limit.
"""

from __future__ import annotations

import importlib
import re
import statistics
import time
from collections.abc import Callable

import regex

from proccli.rustregex.match.regex import Regex
from proccli.rustregex.parse.parser import parse

RULES = [
    r"\bjava( +\S+)* +-jar +(\S*/)*([^ /]+\.jar)",
    r"\bpython(\S)*( +-\S+)* +(\S*/)*([^ /]+)",
    r"\bphp(\d+)?(-fpm|-cli|-cgi)?( +-\S+)* +(\S*/)*([^ /]+\.php)",
    r"\b(node|nodejs)( +--\S+)* +(\S*/)*([^ /]+\.js)",
    r"^deepflow-",
    r"python3 (.*)\.py",
    r"nginx: worker process",
    r"^(mysqld|postgres|redis-server)$",
    r".*",
]
COMMAND_LINES = [
    "/usr/lib/systemd/systemd --switched-root --system --deserialize 31",
    "/usr/bin/java -Xms1g -Xmx2g -Denv=prod -jar /opt/shop/orders-1.2.3.jar --port 8080",
    "/usr/bin/python3 /opt/shop/app.py --port 80",
    "nginx: worker process",
    "postgres: app appdb 10.0.0.5(41000) SELECT",
    "php-fpm: pool www",
    "node --max-old-space-size=4096 /srv/app/server.js",
    "sshd: root@pts/0",
    "/usr/bin/containerd-shim-runc-v2 -namespace moby -id 3f1c0d9be77f0c4d2a5566778899aabb",
    "redis-server *:6379",
]
LARGE = [
    (r"[a-z]+z[a-z]+-", "z" * 4_000_000 + " -"),
    (r"\bjava( +\S+)* +-jar +(\S*/)*([^ /]+\.jar)", "java" + " -Dx=/y.jar" * 330_000),
]


def microseconds(function: Callable[[str], object]) -> float:
    """Per command line, the median of several rounds."""
    rounds = []
    for _ in range(7):
        start = time.perf_counter()
        for _ in range(200):
            for text in COMMAND_LINES:
                function(text)
        rounds.append((time.perf_counter() - start) / 200 / len(COMMAND_LINES))
    return statistics.median(rounds) * 1e6


def timed(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def crate_microseconds() -> float | None:
    """The crate's time for all rules on one command line, compiling not counted."""
    try:
        polars = importlib.import_module("polars")
    except ImportError:
        return None
    many, few = polars.Series(COMMAND_LINES * 2_000), polars.Series(COMMAND_LINES)
    taken = 0.0
    for rule in RULES:
        once = min(timed(lambda: few.str.contains(rule)) for _ in range(5))  # noqa: B023
        taken += min(timed(lambda: many.str.contains(rule)) for _ in range(5)) - once  # noqa: B023
    return taken / len(many) * 1e6


def main() -> None:
    print(f"{'is_match':>9}{'search':>9}{'regex':>9}{'re':>9}{'ratio':>8}  rule")
    totals = [0.0, 0.0, 0.0, 0.0]
    for rule in RULES:
        ours = Regex(parse(rule))
        row = [
            microseconds(ours.is_match),
            microseconds(ours.search),
            microseconds(regex.compile(rule, regex.V0).search),
            microseconds(re.compile(rule).search),
        ]
        totals = [total + cell for total, cell in zip(totals, row, strict=True)]
        print("".join(f"{cell:9.2f}" for cell in row) + f"{row[0] / row[2]:8.1f}  {rule}")
    print(
        "".join(f"{cell:9.2f}" for cell in totals) + f"{totals[0] / totals[2]:8.1f}  all together"
    )

    if crate := crate_microseconds():
        print(f"\nthe crate itself (polars): {crate:.2f} together")
    compiling = [timed(lambda: Regex(parse(rule)).search("é")) for rule in RULES]  # noqa: B023
    print(f"\ncompiling and a first search: {statistics.median(compiling) * 1e3:.2f} ms (median)")

    for rule, text in LARGE:
        ours = Regex(parse(rule))
        first, then = timed(lambda: ours.is_match(text)), timed(lambda: ours.search(text))  # noqa: B023
        print(f"{len(text) / 1e6:.1f} MB: is_match {first:.2f} s, search {then:.2f} s  {rule}")


if __name__ == "__main__":
    main()
