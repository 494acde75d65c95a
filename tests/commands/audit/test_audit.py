"""`audit` against the tables of each server version, made in the embedded engine, with faults."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from proccli.commands.audit.audit import Audit, audit
from proccli.commands.audit.output import audit_document, audit_text
from proccli.commands.hosts.gather import Gathered, gather
from proccli.commands.inputs import InputOptions
from proccli.commands.samples import NO_WAIT
from proccli.commands.schema.command import schema_text
from proccli.errors import SourceError
from proccli.sources.opening import NamedSource
from proccli.store.deepflow import DeepFlow
from proccli.store.engine import Engine
from proccli.terminal.view import View
from tests.cli.runner import call
from tests.store.documents import NOW_S, Link, document, lines, process

WEB_DB = (("10.0.0.1", 4000), ("10.0.0.2", 5432))
AGENTS = [(1, "web-1-V1", 11, "web-1"), (2, "db-1-H2", 12, "db-1")]
NAMES = [(101, "app", 11), (102, "postgres", 12), (103, "cron", 12)]
TAGS = [(101, "owner", "alice")]
EVENTS = [(NOW_S - 60, "web-1-V1", "app"), (NOW_S - 90, "db-1-H2", "postgres")]
FLOWS = [(NOW_S, 6, WEB_DB, 101, 102)]
VERSIONS = ("6.5", "6.6", "7.1")


class Server:
    """DeepFlow's databases, of one version."""

    def __init__(self, engine: Engine, version: str) -> None:
        self.engine = engine
        tag_id = "pid" if version == "6.5" else "id"
        more = ", biz_type UInt64 DEFAULT 0" if version == "7.1" else ""
        for database in ("flow_tag", "event", "flow_log", "mysql_stand_in"):
            engine.run(f"DROP DATABASE IF EXISTS {database}")
            engine.run(f"CREATE DATABASE {database}")
        self._dictionary(f"gprocess_map (id UInt64, name String, chost_id Int64{more})")
        self._dictionary("vtap_map (id UInt64, name String, chost_id UInt64, chost_name String)")
        # chdb-core-lite has no layout for dictionaries with two keys; reading is the same.
        self._table(f"flow_tag.os_app_tag_map ({tag_id} UInt64, key String, value String)")
        self._table("event.event (time DateTime('UTC'), event_desc String, gprocess_id UInt32)")
        self._table(
            "flow_log.l4_flow_log (time DateTime('UTC'), protocol UInt8, ip4_0 IPv4, ip4_1 IPv4,"
            " client_port UInt16, server_port UInt16, gprocess_id_0 UInt32, gprocess_id_1 UInt32)"
        )

    def _table(self, what: str) -> None:
        self.engine.run(f"CREATE TABLE {what} ENGINE = MergeTree ORDER BY tuple()")

    def _dictionary(self, what: str) -> None:
        name = what.split(maxsplit=1)[0]
        self._table(f"mysql_stand_in.{what}")
        self.engine.run(
            f"CREATE DICTIONARY flow_tag.{what} PRIMARY KEY id"
            f" SOURCE(CLICKHOUSE(DB 'mysql_stand_in' TABLE '{name}'))"
            " LIFETIME(MIN 30 MAX 60) LAYOUT(FLAT())"
        )

    def fill(self, **instead: Any) -> None:
        """Put rows in; `instead` replaces those of a table."""
        rows: dict[str, Any] = {
            "agents": AGENTS,
            "names": NAMES,
            "tags": TAGS,
            "events": EVENTS,
            "flows": FLOWS,
        }
        rows |= instead
        self._insert(
            "mysql_stand_in.vtap_map",
            [
                {"id": number, "name": name, "chost_id": chost, "chost_name": host}
                for number, name, chost, host in rows["agents"]
            ],
        )
        self._insert(
            "mysql_stand_in.gprocess_map",
            [{"id": number, "name": name, "chost_id": c} for number, name, c in rows["names"]],
        )
        (tag_id,) = (
            name
            for (name,) in self.engine.rows(
                "SELECT name FROM system.columns WHERE database = 'flow_tag'"
                " AND table = 'os_app_tag_map' AND name IN ('id', 'pid')"
            )
        )
        self._insert(
            "flow_tag.os_app_tag_map",
            [{tag_id: number, "key": key, "value": value} for number, key, value in rows["tags"]],
        )
        self._insert(
            "event.event",
            [
                {"time": at, "event_desc": f"agent {agent} report process {name} cmdline x"}
                for at, agent, name in rows["events"]
            ],
        )
        self._insert(
            "flow_log.l4_flow_log",
            [
                {
                    "time": at,
                    "protocol": protocol,
                    "ip4_0": ends[0][0],
                    "ip4_1": ends[1][0],
                    "client_port": ends[0][1],
                    "server_port": ends[1][1],
                    "gprocess_id_0": client,
                    "gprocess_id_1": server,
                }
                for at, protocol, ends, client, server in rows["flows"]
            ],
        )

    def _insert(self, table: str, rows: list[dict[str, Any]]) -> None:
        if rows:
            text = "".join(f"{json.dumps(row)}\n" for row in rows)
            self.engine.insert(table, text.encode(), "JSONEachRow")


@pytest.fixture(params=VERSIONS)
def server(request: pytest.FixtureRequest, engine: Engine) -> Server:
    return Server(engine, request.param)


@pytest.fixture
def newest(engine: Engine) -> Server:
    return Server(engine, "7.1")


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gathered]:
    """Two hosts with a connection between them."""
    folder = tmp_path_factory.mktemp("expected")
    web = document(
        "web-1",
        [process(7, "app", os_app_tags=[{"key": "owner", "value": "alice"}])],
        [Link("tcp", "client", 7, *WEB_DB)],
    )
    db = document(
        "db-1",
        [process(8, "postgres"), process(9, "cron")],
        [Link("tcp", "server", 8, *WEB_DB)],
    )
    paths = []
    for name, one in (("web", web), ("db", db)):
        path = folder / f"{name}.jsonl"
        path.write_bytes(lines(one))
        paths.append(NamedSource(path=str(path)))
    gathered = gather(InputOptions(), paths, NO_WAIT, lambda _, __: None)
    with gathered.fleet:
        yield gathered


def audited(there: Server, expected: Gathered, version: str | None = None) -> Audit:
    result = audit(
        DeepFlow(there.engine), expected, store="clickhouse://x", server=version, now_s=NOW_S
    )
    found = json.loads(audit_document(result))
    Draft202012Validator(json.loads(schema_text("audit"))).validate(found)
    return result


def findings(result: Audit) -> dict[str, list[tuple[str, str | None, str]]]:
    return {
        answer.question: [(one.kind, one.host, one.subject) for one in answer.findings]
        for answer in result.answers
        if answer.findings
    }


def states(result: Audit) -> dict[str, str]:
    return {answer.question: answer.state for answer in result.answers}


def test_all_is_there(server: Server, expected: Gathered) -> None:
    server.fill()

    result = audited(server, expected)

    assert set(states(result).values()) == {"pass"}
    assert not result.failed
    assert result.recognised
    checked = {answer.question: answer.checked for answer in result.answers}
    assert checked == {
        "dictionaries": 3,
        "agents": 2,
        "names": 3,
        "tags": 1,
        "reports": 2,
        "flows": 2,
    }


def test_with_an_unread_source_nothing_passes_but_faults_stand(
    server: Server, expected: Gathered
) -> None:
    partial = replace(expected, failures=(SourceError("can't read x: No such file"),))
    server.fill(names=NAMES[:2])

    result = audited(server, partial)

    assert states(result) == {
        "dictionaries": "pass",
        "agents": "unknown",
        "names": "fail",
        "tags": "unknown",
        "reports": "unknown",
        "flows": "unknown",
    }
    assert "2 hosts (1 source not read)" in audit_text(result, View())


def test_the_version_is_recognised_by_the_tables(server: Server, expected: Gathered) -> None:
    server.fill()
    version = audited(server, expected).server

    other = audited(server, expected, "6.5.9" if version != "6.5" else "7.1.8")

    assert version in VERSIONS
    assert not other.recognised
    assert [note.code for note in other.notes] == ["audit-version"]


FAULTS: dict[str, tuple[dict[str, Any], str, list[tuple[str, str | None, str]]]] = {
    "an agent is missing": (
        {"agents": AGENTS[:1]},
        "agents",
        [("no-agent", "db-1", "db-1")],
    ),
    "an agent has no process": (
        {"names": NAMES[:1]},
        "agents",
        [("no-process", "db-1", "db-1-H2")],
    ),
    "a name is missing": ({"names": NAMES[:2]}, "names", [("missing", "db-1", "cron")]),
    "a name is deleted": (
        {"names": [*NAMES[:2], (103, "cron (deleted)", 12)]},
        "names",
        [("deleted", "db-1", "cron")],
    ),
    "a name is unexpected": (
        {"names": [*NAMES, (104, "sshd", 11), (105, "old (deleted)", 11)]},
        "names",
        [("unexpected", "web-1", "sshd")],
    ),
    "a name was changed": (
        {"names": [*NAMES[:2], (103, "crond", 12)]},
        "names",
        [("missing", "db-1", "cron"), ("unexpected", "db-1", "crond")],
    ),
    "a tag is missing": ({"tags": []}, "tags", [("no-tag", "web-1", "app")]),
    "a tag is of another gprocess": (
        {"tags": [(102, "owner", "alice")]},
        "tags",
        [("no-tag", "web-1", "app")],
    ),
    "a tag has another value": (
        {"tags": [(101, "owner", "bob")]},
        "tags",
        [("other-tag", "web-1", "app")],
    ),
    "no label on a side": (
        {"flows": [(NOW_S, 6, WEB_DB, 101, 0)]},
        "flows",
        [("no-label", "db-1", "postgres")],
    ),
    "another process": (
        {"flows": [(NOW_S, 6, WEB_DB, 101, 102), (NOW_S + 60, 6, WEB_DB, 103, 102)]},
        "flows",
        [("other-label", "web-1", "app")],
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_where_it_is(
    fault: str, server: Server, expected: Gathered
) -> None:
    instead, question, wanted = FAULTS[fault]
    server.fill(**instead)

    result = audited(server, expected)

    assert findings(result) == {question: wanted}
    assert states(result)[question] == "fail"
    assert result.failed


def test_an_agent_without_a_report_is_unknown(server: Server, expected: Gathered) -> None:
    """An agent reports a process as an event only when it is new."""
    server.fill(events=EVENTS[:1])

    result = audited(server, expected)

    assert findings(result) == {"reports": [("no-report", "db-1", "db-1-H2")]}
    assert states(result)["reports"] == "unknown"
    assert not result.failed


@pytest.mark.parametrize(
    "flows",
    [
        [],
        [(NOW_S - 7200, 6, WEB_DB, 0, 0)],
        [(NOW_S, 17, WEB_DB, 0, 0)],
        [(NOW_S, 6, (WEB_DB[1], WEB_DB[0]), 0, 0)],
    ],
    ids=["none", "at another time", "another protocol", "the other way"],
)
def test_flows_of_other_connections_do_not_count(
    flows: Any, newest: Server, expected: Gathered
) -> None:
    newest.fill(flows=flows)

    answer = audited(newest, expected).answers[-1]

    assert (answer.state, answer.checked) == ("unknown", 0)
    assert answer.reason == "no flows of 1 connections"


def test_a_dictionary_that_does_not_load(newest: Server, expected: Gathered) -> None:
    """Its error may contain the password of MySQL: only its name is shown."""
    newest.fill()
    newest.engine.run("DROP DICTIONARY flow_tag.gprocess_map")
    newest.engine.run("DROP DICTIONARY flow_tag.vtap_map")
    newest.engine.run(
        "CREATE DICTIONARY flow_tag.vtap_map (id UInt64, name String) PRIMARY KEY id"
        " SOURCE(CLICKHOUSE(DB 'mysql_stand_in' TABLE 'secret'))"
        " LIFETIME(MIN 30 MAX 60) LAYOUT(FLAT())"
    )

    result = audited(newest, expected)

    assert findings(result)["dictionaries"] == [
        ("no-dictionary", None, "gprocess_map"),
        ("not-loaded", None, "vtap_map"),
    ]
    assert states(result)["agents"] == "unknown"
    assert states(result)["flows"] == "unknown"
    text = audit_text(result, View())
    assert "UNKNOWN_TABLE" in text
    assert "mysql_stand_in" not in text


def test_an_empty_dictionary(newest: Server, expected: Gathered) -> None:
    newest.fill(names=[])

    result = audited(newest, expected)

    assert findings(result)["dictionaries"] == [("empty", None, "gprocess_map")]


def test_a_table_that_is_missing_makes_one_answer_unknown(
    newest: Server, expected: Gathered
) -> None:
    newest.fill()
    newest.engine.run("DROP TABLE event.event")

    result = audited(newest, expected)

    assert states(result)["reports"] == "unknown"
    assert [one.reason for one in result.answers if one.reason] == ["UNKNOWN_TABLE"]
    assert states(result)["flows"] == "pass"


def test_another_organisation_has_its_own_databases(newest: Server, expected: Gathered) -> None:
    newest.fill()

    result = audit(
        DeepFlow(newest.engine, organisation=12), expected, store="x", server=None, now_s=NOW_S
    )

    assert {kind for kind, _, _ in findings(result)["dictionaries"]} == {"no-dictionary"}


class _ReadOnly:
    """A user that may not change settings."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.run, self.insert, self.packed = engine.run, engine.insert, engine.packed

    def rows(self, sql: str) -> list[list[Any]]:
        from proccli.errors import StoreError

        if " SETTINGS " in sql:
            raise StoreError("Cannot modify 'max_threads' setting in readonly mode. (READONLY)")
        assert sql.startswith("SELECT ")
        return self._engine.rows(sql)


def test_a_read_only_user_can_ask_and_is_warned(newest: Server, expected: Gathered) -> None:
    newest.fill()

    result = audit(
        DeepFlow(_ReadOnly(newest.engine)), expected, store="x", server=None, now_s=NOW_S
    )

    assert set(states(result).values()) == {"pass"}
    assert [note.code for note in result.notes] == ["audit-unlimited"]


def test_every_query_only_reads_and_has_limits(newest: Server, expected: Gathered) -> None:
    newest.fill()
    asked: list[str] = []

    class Recording(_ReadOnly):
        def rows(self, sql: str) -> list[list[Any]]:
            asked.append(sql)
            return self._engine.rows(sql)

    audit(DeepFlow(Recording(newest.engine)), expected, store="x", server=None, now_s=NOW_S)

    assert len(asked) > 5
    for sql in asked:
        assert sql.startswith("SELECT ")
        assert "max_execution_time = " in sql
        assert "skip_unavailable_shards = 0" in sql
        assert "last_exception" not in sql


def test_text_says_what_to_do_next(newest: Server, expected: Gathered) -> None:
    newest.fill(names=NAMES[:2])

    text = audit_text(audited(newest, expected), View())

    assert "fail    Are the names of each host there? (3 checked)" in text
    assert "1 missing: the name is not on the server" in text
    assert "db-1: cron" in text
    assert "Next: Wait for the next report" in text
    assert "2 hosts, server 7.1 (recognised by its tables)" in text
    assert text.rstrip().endswith("Problems with names.")


def test_a_store_of_fleet_is_not_the_server(tmp_path: Path) -> None:
    ran = call("audit", "--store", f"chdb://{tmp_path}", "docs/example/shop-app-1.jsonl")
    assert (ran.code, ran.out) == (2, "")
    assert "--fleet" in ran.err
    assert not list(tmp_path.iterdir())
