"""A server has the same answers as the embedded engine, also one of two shards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import pytest

from proccli.errors import StoreError
from proccli.store.address import parse_address
from proccli.store.changes import changes, prune
from proccli.store.current import Moment
from proccli.store.engine import Engine, Form, Given, open_engine
from proccli.store.load import load
from proccli.store.questions import Selection, hosts, names
from proccli.store.schema import create_tables
from proccli.store.stored_flows import StoredFlows
from tests.store.documents import NOW_S, document, process, random_fleet
from tests.store.flows import labels, random_flows
from tests.store.servers import DEBIANS, debian_servers, stand_in
from tests.store.test_join import comparable, in_store, staged

NewStore = Callable[[], str]
DAY_S = 86_400
MOMENT = Moment("", NOW_S + 60, NOW_S - 60)


@pytest.fixture(scope="module")
def documents() -> Sequence[tuple[str, Any]]:
    """Some fleets, and the day before."""
    made = [(f"{seed:02}", one) for seed in range(30) for one in random_fleet(seed)]
    before = [("", document("a", [process(1, "old")], at_s=NOW_S - DAY_S))]
    return [*made, *before, ("", document("a", [process(1, "new")]))]


def answers(engine: Engine, database: str) -> list[Any]:
    """All that can be asked."""
    now = MOMENT._replace(database=database)
    yesterday = Moment(database, NOW_S - DAY_S + 60, NOW_S - DAY_S - 60, is_newest=False)
    return [
        *(comparable(in_store(engine, database, by)) for by in ("pid", "name")),
        comparable(in_store(engine, database, "gprocess", is_newest=False)),
        names(engine, now, Selection()),
        hosts(engine, now, Selection(without=("a*",))),
        changes(engine, yesterday, now),
        *(
            labels(StoredFlows(engine, one), random_flows(), network=network)
            for one in (now, now._replace(is_newest=False))
            for network in ("", "03", "17")
        ),
    ]


@pytest.fixture(scope="module")
def embedded(
    documents: Sequence[tuple[str, Any]], engine: Engine, new_store: NewStore
) -> list[Any]:
    """The answers of the embedded engine."""
    store = new_store()
    assert load(engine, store, staged(documents)).documents == len(documents)
    return answers(engine, store)


def test_a_server_by_http_has_the_same_answers(
    documents: Sequence[tuple[str, Any]], embedded: list[Any], engine: Engine
) -> None:
    """A stand-in: HTTP as a server speaks it, the embedded engine behind it."""

    def backend(sql: bytes, data: bytes, given: Given | None) -> bytes:
        from proccli.store.child import Request
        from proccli.store.engine import _Embedded

        assert isinstance(engine, _Embedded)
        if given is not None:
            assert sql.endswith(b" FORMAT RowBinary")
            return engine.packed(sql.decode().rpartition(" FORMAT ")[0], given)
        if data:
            form = cast("Form", sql.split()[-1].decode())
            engine.insert(sql.split()[2].decode(), data, form)
            return b""
        return engine._ask(Request(sql.decode()))

    with stand_in(backend) as address, open_engine(address, "secret") as server:
        create_tables(server, "by_http")
        assert load(server, "by_http", staged(documents)).documents == len(documents)
        assert load(server, "by_http", staged(documents)).known == len(documents)
        assert answers(server, "by_http") == embedded
        with pytest.raises(StoreError, match="nothing_there") as caught:
            server.rows("SELECT * FROM nothing_there")
        assert "secret" not in str(caught.value)


def test_a_server_that_does_not_answer_is_an_error() -> None:
    with (
        pytest.raises(StoreError, match=r"clickhouse://127\.0\.0\.1:1: ") as caught,
        open_engine(parse_address("clickhouse://127.0.0.1:1"), "s3cret"),
    ):
        pass
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def debians(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Engine]]:
    """Two servers of a cluster."""
    if DEBIANS is None:
        pytest.skip("Debian's clickhouse-server is not installed")
    with (
        debian_servers(tmp_path_factory.mktemp("servers"), 2) as (first, second),
        open_engine(first, "") as one,
        open_engine(second, "") as other,
    ):
        yield [one, other]


def test_debians_server_has_the_same_answers(
    documents: Sequence[tuple[str, Any]], embedded: list[Any], debians: list[Engine]
) -> None:
    server = debians[0]
    create_tables(server, "fleet")

    assert load(server, "fleet", staged(documents)).documents == len(documents)
    assert load(server, "fleet", staged(documents)).known == len(documents)
    assert answers(server, "fleet") == embedded
    assert prune(server, "fleet", before_s=NOW_S, dry_run=False) == {"20260101": 1}
    assert server.rows("SELECT count() FROM fleet.hosts WHERE host = 'a' AND network = ''") == [
        ["1"]
    ]


def test_two_shards_have_the_same_answers(
    documents: Sequence[tuple[str, Any]], embedded: list[Any], debians: list[Engine]
) -> None:
    """As docs/fleet.md says."""
    for shard in debians:
        create_tables(shard, "shard")
    first = debians[0]
    first.run("CREATE DATABASE sharded")
    first.run("CREATE TABLE sharded.proccli_schema_1 (version UInt8) ENGINE = Log")
    by_host = "cityHash64(network, host)"
    by_ends = "cityHash64(scope, protocol, client_port, server_port)"
    for table, key in (("hosts", by_host), ("processes", by_host), ("ends", by_ends)):
        first.run(
            f"CREATE TABLE sharded.{table} AS shard.{table}"
            f" ENGINE = Distributed(both, shard, {table}, {key})"
        )

    assert load(first, "sharded", staged(documents)).documents == len(documents)
    assert answers(first, "sharded") == embedded
    with pytest.raises(StoreError, match="prune the database of each shard"):
        prune(first, "sharded", before_s=NOW_S, dry_run=False)
    for shard in debians:
        ((count,),) = shard.rows("SELECT count() FROM shard.ends")
        assert int(count) > 0
