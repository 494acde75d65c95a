"""Files with documents, and a store that has them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from proccli.commands import stores
from proccli.store.address import StoreAddress
from proccli.store.engine import Engine, open_engine
from tests.cli.runner import call
from tests.store.documents import NOW_S, Link, document, lines, process

DAY_S = 86_400
LINK = (("10.0.0.1", 4000), ("10.0.0.2", 5432))


@pytest.fixture(scope="session", autouse=True)
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Engines that stay open between commands: to start one takes a second of CPU time.

    Commands that read files share one, of which they get an empty database.
    """
    shared = tmp_path_factory.mktemp("engines") / "shared"
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        opened: dict[str, Engine] = {}

        @contextmanager
        def kept(address: StoreAddress, password: str, *, create: bool = False) -> Iterator[Engine]:
            is_temporary = address.text == "the embedded engine"
            key = "" if is_temporary else address.text
            if is_temporary:
                address = address._replace(directory=str(shared))
            if key not in opened:
                made = open_engine(address, password, create=create)
                opened[key] = stack.enter_context(made)
            if is_temporary:
                opened[key].run(f"DROP DATABASE IF EXISTS {address.database}")
            yield opened[key]

        patch.setattr(stores, "open_engine", kept)
        yield


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A client, a server, and a host that was last heard of two days ago."""
    folder = tmp_path_factory.mktemp("documents")
    web = document(
        "web-1",
        [process(7, "app", rule=2), process(8, "nginx", rule=0), process(9, "app", rule=2)],
        [Link("tcp", "client", 7, *LINK)],
        left_out={"min-lifetime": 3},
        config={"sha256": "ab" * 32},
        proccli="1.2.3",
    )
    db = document(
        "db-1",
        [process(70, "postgres\x1b[31m")],
        [Link("tcp", "server", 70, *LINK)],
        at_s=NOW_S + 60,
        config={"file": None},
    )
    old = document("old-1", [process(1, "app")], at_s=NOW_S - 2 * DAY_S)
    before = document("web-1", [process(5, "app", rule=1)], at_s=NOW_S - DAY_S)
    for name, one in (("web", web), ("db", db), ("old", old), ("before", before)):
        (folder / f"{name}.jsonl").write_bytes(lines(one))
    return folder


@pytest.fixture(scope="session")
def store(files: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of an embedded store with these documents."""
    address = f"chdb://{tmp_path_factory.mktemp('fleet')}/store"
    done = call("fleet", "load", "--store", address, str(files))
    assert (done.code, done.err) == (0, "")
    assert done.out == "Loaded 4 documents of 3 hosts, with 6 processes and 2 sockets.\n"
    return address
