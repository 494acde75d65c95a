"""The address of a store: a directory for the embedded engine, or a ClickHouse server."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from proccli.errors import SourceError, UsageError

PASSWORD_VARIABLE: Final = "PROCCLI_STORE_PASSWORD"  # noqa: S105 - the variable's name
DEFAULT_DATABASE: Final = "proccli"
_MAX_PASSWORD_BYTES: Final = 4096
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPTIONS: Final = ("ca_cert", "verify")
_FORMS: Final = (
    "chdb:///DIRECTORY, clickhouse://[USER@]HOST[:PORT][/DATABASE], or clickhouses:// for TLS"
)


class StoreAddress(NamedTuple):
    """Where a store is. It contains no password, so that it can be shown."""

    text: str
    """As it was given."""
    directory: str | None
    """The directory of the embedded engine; None: a server."""
    host: str = ""
    port: int = 0
    user: str = "default"
    database: str = DEFAULT_DATABASE
    """The database with the tables of `fleet`."""
    secure: bool = False
    """Whether to use TLS."""
    verify: bool = True
    """Whether to check the certificate of the server."""
    ca_cert: str | None = None
    """A file with the certificates to trust; None: those of the system."""


def parse_address(text: str) -> StoreAddress:
    """The address in a DSN.

    Raises: UsageError, which never contains a password.
    """
    scheme, separator, rest = text.partition("://")
    if not separator:
        raise UsageError(f"--store takes {_FORMS}")
    if scheme == "chdb":
        return _directory(text, rest)
    if scheme in ("clickhouse", "clickhouses"):
        return _server(text, secure=scheme == "clickhouses")
    raise UsageError(f"--store has the unknown scheme {scheme!r}; it takes {_FORMS}")


def _directory(text: str, path: str) -> StoreAddress:
    if not path.startswith("/") or "\0" in path:
        raise UsageError("--store chdb:// requires an absolute path, as in chdb:///var/lib/fleet")
    return StoreAddress(text=text, directory=os.path.normpath(path))


def _server(text: str, *, secure: bool) -> StoreAddress:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise UsageError(f"--store is not an address; it takes {_FORMS}") from None
    if parts.password is not None:
        raise UsageError(
            "--store must not contain a password: other users can see it; use --password-file or"
            f" {PASSWORD_VARIABLE}"
        )
    if not parts.hostname:
        raise UsageError(f"--store has no host; it takes {_FORMS}")
    database = parts.path.strip("/") or DEFAULT_DATABASE
    if not _NAME.fullmatch(database):
        raise UsageError(f"--store has {database!r} as its database, which is not a plain name")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := sorted(set(options) - set(_OPTIONS)):
        raise UsageError(f"--store has the unknown option {unknown[0]!r}; it takes ca_cert, verify")
    return StoreAddress(
        text=text,
        directory=None,
        host=parts.hostname,
        port=port or (8443 if secure else 8123),
        user=unquote(parts.username or "default"),
        database=database,
        secure=secure,
        verify=options.get("verify", "true") not in ("0", "false", "no"),
        ca_cert=options.get("ca_cert"),
    )


def read_password(path: str | None, environment: Mapping[str, str] = os.environ) -> str:
    """The password from the first line of a file, else from the environment; empty: none.

    Raises: SourceError if the file can't be read.
    """
    if path is None:
        return environment.get(PASSWORD_VARIABLE, "")
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - may be a pipe of the shell
            line = file.readline(_MAX_PASSWORD_BYTES + 1)
        if len(line) <= _MAX_PASSWORD_BYTES:
            return line.rstrip(b"\r\n").decode()
    except OSError as error:
        raise SourceError(f"can't read the password file {path}: {error.strerror}") from error
    except ValueError:
        pass
    raise SourceError(f"the first line of the password file {path} is not a password")
