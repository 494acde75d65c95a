"""Reading what a command line names: files, pipes and stdin, and what is none of them."""

from __future__ import annotations

import io
import os
import sys
import threading
from pathlib import Path

import pytest

from proccli.errors import ConfigError
from proccli.files import MAX_BYTES, read_file


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "é agent.yaml"
    path.write_bytes(b"\xff\x00\n")

    assert read_file(str(path)) == b"\xff\x00\n"


def test_a_pipe_is_read_to_its_end() -> None:
    """As the shell's `<(command)` names it; the writer may take its time."""
    reading, writing = os.pipe()

    def write() -> None:
        for piece in (b"static_", b"config:\n", b"x" * 200_000):
            os.write(writing, piece)
        os.close(writing)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert read_file(f"/dev/fd/{reading}") == b"static_config:\n" + b"x" * 200_000
    finally:
        thread.join()
        os.close(reading)


def test_a_named_pipe_is_read(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    thread = threading.Thread(target=fifo.write_bytes, args=(b"a: b\n",))
    thread.start()

    assert read_file(str(fifo)) == b"a: b\n"
    thread.join()


def test_a_dash_is_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a: \xff\n")))

    assert read_file("-") == b"a: \xff\n"


def test_what_cannot_be_read_is_one_clear_line(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    cases = {
        str(tmp_path / "missing"): "no such file",
        str(tmp_path): "is a directory",
        str(loop): "symbolic links",
        f"{tmp_path}/{'n' * 300}": "too long",
        "a\0b": "not a path",
        f"{tmp_path}/a\x1b[31m": r"a\\x1b\[31m: no such file",
    }
    for path, reason in cases.items():
        with pytest.raises(ConfigError, match=reason) as caught:
            read_file(path)
        assert str(caught.value).isprintable()


def test_a_file_without_permission_says_so(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"")
    path.chmod(0)
    user = os.geteuid()
    try:
        if user == 0:
            os.seteuid(65534)  # root may read everything
        with pytest.raises(ConfigError, match="permission denied"):
            read_file(str(path))
    finally:
        os.seteuid(user)


def test_what_never_ends_is_not_read_forever() -> None:
    with pytest.raises(ConfigError, match=f"more than {MAX_BYTES} bytes"):
        read_file("/dev/zero")
