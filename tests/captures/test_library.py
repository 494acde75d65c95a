"""scapy: missing, too old, or noisy."""

from __future__ import annotations

import builtins
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from proccli.captures import CaptureError
from proccli.captures.library import readers
from tests.captures.witness import DATA
from tests.cli.runner import call, environment


def failing_import(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Let every import of scapy fail."""
    real = builtins.__import__

    def without_scapy(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] == "scapy":
            raise error
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_scapy)


def test_without_the_extra_that_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    failing_import(monkeypatch, ModuleNotFoundError("No module named 'scapy'", name="scapy"))

    ran = call("tot", str(DATA / "v2.pcap"))

    assert (ran.code, ran.out) == (3, "")
    assert ran.err == (
        "proccli: error: reading captures needs scapy, which is not installed"
        " (pip install 'proccli[pcap]')\n"
    )


@pytest.mark.parametrize("error", [NotADirectoryError(20, "Not a directory"), ImportError("odd")])
def test_one_that_cannot_be_loaded_is_said_to_be_that(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    failing_import(monkeypatch, error)

    with pytest.raises(CaptureError, match=r"needs scapy 2\.6\.1 or newer; this one fails"):
        readers()


def test_nothing_is_written_into_a_home_and_nothing_is_said(tmp_path: Path) -> None:
    """scapy makes ~/.config/scapy and ~/.cache/scapy where it is let."""
    home = tmp_path / "home"
    home.mkdir()
    env = environment(HOME=str(home))
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        env.pop(name, None)

    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "proccli", "tot", str(DATA / "v2.pcap")],
        env=env,
        capture_output=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr.decode()
    assert b"12618" in done.stdout
    assert done.stderr == b""
    assert list(home.iterdir()) == []


def test_the_environment_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    before = dict(os.environ)

    readers()

    assert dict(os.environ) == before


def test_only_what_reads_files_is_loaded() -> None:
    """Not scapy's protocols: they take a second, and ask for the machine's routes."""
    code = (
        "import sys; from proccli.captures.library import readers; readers();"
        "print(sorted(name for name in sys.modules if name.startswith('scapy.layers')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, timeout=60, text=True
    )

    assert done.stdout == "[]\n"
