"""Sources for suggestions: command lines written down, as a recording in a file."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from proccli.commands.inputs import InputOptions
from proccli.commands.suggest.suggest import SuggestResult, suggest
from proccli.model.process import Process
from proccli.sources.recording.masking import MaskedSource
from proccli.sources.recording.writer import write_recording
from tests.build import ListSource, host, process
from tests.paths import ROOT

TABLES = ROOT / "tests" / "data" / "suggest"


class Case(NamedTuple):
    """A command line and the names that a person would give it; `-`: none, it is noise."""

    expected: tuple[str, ...]
    argv: tuple[str, ...]


def table(name: str) -> list[Case]:
    """The cases of a table: names with `|` between them, a tab, a command line."""
    lines = (TABLES / f"{name}.tsv").read_text(encoding="utf-8").splitlines()
    rows = [line.partition("\t") for line in lines if not line.startswith("#")]
    return [Case(tuple(names.split("|")), tuple(shlex.split(line))) for names, _, line in rows]


def running(pid: int, *argv: str, ppid: int = 1, **fields: Any) -> Process:
    """A process as the kernel would show it: a script that is run by its path gives the comm."""
    program = argv[0].partition(" ")[0].rstrip(":") if len(argv) == 1 else argv[0]
    scripts = (word for word in argv[1:] if word.startswith("/"))
    script = next(scripts, program) if _is_shell(program) else program
    comm = script.rstrip("/").rpartition("/")[2].encode()[:15].decode(errors="ignore")
    known = {"comm": comm, "status_name": comm, "cgroup": "0::/\n", "exe": f"/bin/{comm}"}
    return process(pid, *argv, ppid=ppid, **known | fields)


def _is_shell(program: str) -> bool:
    return program.rpartition("/")[2] in ("sh", "bash")


def recording(
    path: Path, processes: Iterable[Process], *, name: str = "web-1", masked: bool = False
) -> str:
    """A recording of these processes; `masked`: without their secrets."""
    source: Any = ListSource(list(processes), at=host(name=name))
    with path.open("wb") as out:
        write_recording(out, MaskedSource(source) if masked else source)
    return str(path)


def suggested(
    *snapshots: str, config: str | None = None, drops: bool = True, **options: Any
) -> SuggestResult:
    """What is suggested for these recordings, added to the text of a configuration."""
    given: dict[str, Any] = {}
    if config is not None:
        given = {"config": "agent.yaml", "config_text": config.encode()}
    return suggest(InputOptions(**given, **options), snapshots, drops=drops)


def names(result: SuggestResult) -> Sequence[str]:
    """The proposed names, sorted."""
    return sorted({name for _, rule in result.rules for name in rule.names})
