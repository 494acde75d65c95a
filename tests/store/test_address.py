"""Addresses of stores, and their passwords."""

from __future__ import annotations

from pathlib import Path

import pytest

from proccli.errors import SourceError, UsageError
from proccli.store.address import parse_address, read_password


def test_a_directory() -> None:
    found = parse_address("chdb:///var/lib//fleet/")

    assert (found.directory, found.database) == ("/var/lib/fleet", "proccli")


def test_a_server() -> None:
    plain = parse_address("clickhouse://ch-1")
    full = parse_address("clickhouses://me%40x@[::1]:9443/fleet?verify=false&ca_cert=/ca.pem")

    assert plain[1:7] == (None, "ch-1", 8123, "default", "proccli", False)
    assert full[2:] == ("::1", 9443, "me@x", "fleet", True, False, "/ca.pem")


@pytest.mark.parametrize(
    "dsn",
    [
        "/var/lib/fleet",
        "chdb://fleet",
        "chdb:fleet",
        "sqlite:///x",
        "clickhouse://",
        "clickhouse://host:port",
        "clickhouse://host:99999",
        "clickhouse://host/a;b",
        "clickhouse://host/a?compress=1",
        "clickhouse://[::1",
        "chdb:///a\0b",
    ],
)
def test_anything_else_is_wrong_usage(dsn: str) -> None:
    with pytest.raises(UsageError, match="--store"):
        parse_address(dsn)


def test_a_password_in_the_address_is_refused_and_not_shown() -> None:
    with pytest.raises(UsageError, match="--password-file") as caught:
        parse_address("clickhouse://me:hunter2@host")

    assert "hunter2" not in str(caught.value)


def test_passwords_come_from_a_file_or_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_bytes(b"s3cret \nsecond line\n")

    assert read_password(str(path), {"PROCCLI_STORE_PASSWORD": "other"}) == "s3cret "
    assert read_password(None, {"PROCCLI_STORE_PASSWORD": "other"}) == "other"
    assert read_password(None, {}) == ""


@pytest.mark.parametrize("content", [None, b"\xff", b"x" * 5000])
def test_a_file_without_a_password(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "password"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(SourceError, match="password file") as caught:
        read_password(str(path), {})
    assert "xxx" not in str(caught.value)
