"""A masked recording keeps the outcomes that masking didn't touch, and names the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from proccli.agent.inputs import Inputs
from proccli.commands.record.record import RecordResult, record
from proccli.commands.scan.scan import scan
from proccli.model.process import ALL_FIELDS, NO_TAGS, Environment, Field, FieldError, Process
from proccli.sources.recording import masking
from proccli.sources.recording.reader import read_recording
from tests.agent.sockets.looking import fd, tcp
from tests.build import NO_ENVIRONMENT, ListSource, config, host, net_tables, process

SHOP = process(20, "/usr/bin/python3", "/opt/shop/app.py", "--db-password=hunter2", "--port", "80")
JAVA = process(21, "java", "-jar", "/opt/pay.jar", "--token=s3cr3t")
WHOLE_LINE = (r"^.*python3 (?:\S*/)?(\S+?)\.py(?:\s.*)?$", "cmdline", "accept", "$1-py")
AROUND = (r"python3 (.*)\.py", "cmdline", "accept", "$1-py-script")


def inputs(*rules: Any) -> Inputs:
    return Inputs(
        config=config(*rules),
        source=ListSource([SHOP, JAVA]),
        environment=NO_ENVIRONMENT,
        tags=NO_TAGS,
        notes=(),
    )


def recorded(tmp_path: Path, *rules: Any) -> tuple[RecordResult, str]:
    path = str(tmp_path / "r.jsonl")
    return record(inputs(*rules), path), path


def outcomes(path: str, *rules: Any) -> list[tuple[str, str | None]]:
    result = scan(inputs(*rules)._replace(source=read_recording(path)))
    return [(outcome.status, outcome.gprocess) for outcome in result.outcomes]


def test_a_name_without_the_secret_is_the_same_on_the_recording(tmp_path: Path) -> None:
    done, path = recorded(tmp_path, WHOLE_LINE)

    assert (done.masked_values, done.changed_pids) == (2, ())
    assert outcomes(path, WHOLE_LINE) == [("accepted", "app-py"), ("accepted", "java")]


def test_a_name_with_the_secret_in_it_is_unknown_and_said(tmp_path: Path) -> None:
    done, path = recorded(tmp_path, AROUND)

    assert done.changed_pids == (20,)
    assert outcomes(path, AROUND) == [("unknown", None), ("accepted", "java")]


def test_a_rule_on_the_secret_itself_is_unknown(tmp_path: Path) -> None:
    rule = ("hunter2", "cmdline", "drop")
    done, path = recorded(tmp_path, rule)

    assert done.changed_pids == (20,)
    assert outcomes(path, rule) == [("unknown", None), ("accepted", "java")]


def test_other_rules_than_those_recorded_with_are_not_proven(tmp_path: Path) -> None:
    _, path = recorded(tmp_path, WHOLE_LINE)

    assert outcomes(path, ("hunter3", "cmdline", "drop"))[0] == ("unknown", None)
    assert outcomes(path, ("^nginx", "cmdline", "drop"))[0] == ("accepted", "python3")


def test_no_secret_is_in_the_file(tmp_path: Path) -> None:
    _, path = recorded(tmp_path, AROUND, WHOLE_LINE, ("hunter2", "cmdline", "drop"))

    text = Path(path).read_text(encoding="utf-8")
    assert "s3cr3t" not in text
    assert text.count("hunter2") == 0


def test_a_secret_variable_is_not_in_the_file(tmp_path: Path) -> None:
    """Its name, or its value, says that it is one."""
    values = {"API_TOKEN": "s3cr3t-1", "DB": "postgres://me:s3cr3t-2@db/x", "HOSTNAME": "web-1"}
    rules = [
        ("python3", "", "accept", "%HOSTNAME%-%API_TOKEN%"),
        ("java", "", "accept", "%DB%-%UNSET%"),
    ]
    given = inputs(*rules)._replace(
        environment=Environment(values=values, complete=True, origin="a test")
    )
    path = str(tmp_path / "r.jsonl")

    done = record(given, path)

    assert "s3cr3t-" not in Path(path).read_text(encoding="utf-8")
    assert done.masked_variables == ("API_TOKEN", "DB")
    assert done.changed_pids == (20, 21)
    kept = read_recording(path).environment
    assert kept is not None
    assert kept.values == {"HOSTNAME": "web-1"}
    assert [kept.knows(name) for name in ("API_TOKEN", "DB", "UNSET")] == [False, False, True]
    plain = str(tmp_path / "plain.jsonl")
    record(given, plain, redact=False)
    assert (found := read_recording(plain).environment) is not None
    assert found.values == values


# ---- nothing twice ----------------------------------------------------------------------------

NS = 4026531840
TABLES = net_tables(tcp=[tcp(900, "10.0.0.5:4000", "10.0.0.9:5432")])


class ReadAgain(ListSource):
    """A live machine that notes whom it would have to read again for more fields."""

    def __init__(self, *processes: Process) -> None:
        sockets = {one.pid: [fd(3, 900)] for one in processes}
        super().__init__(processes, at=host(kind="live"), sockets=sockets, nets={NS: TABLES})
        self._known: dict[int, frozenset[Field]] = {}
        self.again: list[int] = []

    def read(self, pid: int, fields: frozenset[Field] = ALL_FIELDS) -> Process:
        if not fields - {"fds"} <= self._known.setdefault(pid, fields):
            self.again.append(pid)
        return super().read(pid, fields)


def test_each_process_and_table_is_read_once(tmp_path: Path) -> None:
    path = str(tmp_path / "r.jsonl")
    source = ReadAgain(*(one._replace(netns=NS) for one in (SHOP, JAVA)))

    record(inputs(WHOLE_LINE)._replace(source=source), path)

    assert source.again == []
    assert source.asked_for_tables == [20]
    assert read_recording(path).net_tables(21) == TABLES


def test_tables_of_processes_that_have_exited_are_read_of_others(tmp_path: Path) -> None:
    """The sample reads them of accepted processes."""

    class FirstIsGone(ReadAgain):
        def net_tables(self, pid: int):  # type: ignore[no-untyped-def]
            found = super().net_tables(pid)
            if pid == 21:
                return found
            gone = {
                table.name: FieldError(field=f"net/{table.name}", problem="gone", detail="ENOENT")
                for table in found
            }
            return net_tables(**gone)

    path = str(tmp_path / "r.jsonl")
    source = FirstIsGone(*(one._replace(netns=NS) for one in (SHOP, JAVA)))

    record(inputs(("java", "process_name", "drop"))._replace(source=source), path)

    assert read_recording(path).net_tables(21) == TABLES


def test_each_command_line_is_searched_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[bytes] = []

    def mask(cmdline: bytes, *more: Any) -> masking.Masked:
        searched.append(cmdline)
        return real(cmdline, *more)

    real = masking.mask
    monkeypatch.setattr(masking, "mask", mask)

    recorded(tmp_path, AROUND)

    assert sorted(searched) == sorted([SHOP.cmdline or b"", JAVA.cmdline or b""])
