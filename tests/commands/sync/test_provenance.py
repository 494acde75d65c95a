"""The origin of a document: ids of hosts, addresses."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from proccli.agent.inputs import Inputs
from proccli.commands.sync.provenance import host_id, provenance
from proccli.model.process import NO_TAGS, Host
from tests import build
from tests.build import ListSource, config, host, process

MACHINE_ID = "3d1219c7c4c5404aaa1f6d2a48adfda4"
DERIVED = "4ba5d790d636408586612a9b7f1eb11a"
"""What `systemd-id128 machine-id --app-specific=` printed where that was the machine's id."""


def machine(folder: Path, text: bytes | None) -> Host:
    """A live source whose process 1 has this /etc/machine-id."""
    etc = folder / "1" / "root" / "etc"
    etc.mkdir(parents=True)
    if text is not None:
        (etc / "machine-id").write_bytes(text)
    return host(kind="live", proc_root=str(folder))


def test_the_id_is_derived_as_systemd_does_it(tmp_path: Path) -> None:
    assert host_id(machine(tmp_path, f"{MACHINE_ID}\n".encode())) == DERIVED


@pytest.mark.parametrize(
    "text", [None, b"", b"uninitialized\n", MACHINE_ID.upper().encode(), b"\xff" * 32, b"0" * 9999]
)
def test_what_is_not_a_machine_id_gives_none(text: bytes | None, tmp_path: Path) -> None:
    assert host_id(machine(tmp_path, text)) is None


def test_a_recording_has_no_id(tmp_path: Path) -> None:
    at = machine(tmp_path, MACHINE_ID.encode())
    assert host_id(at._replace(kind="recording")) is None


def test_this_machine_has_the_id_that_systemd_prints() -> None:
    if shutil.which("systemd-id128") is None or not Path("/etc/machine-id").exists():
        pytest.skip("no systemd-id128 or machine id here")
    asked = ["systemd-id128", "machine-id", "--app-specific=deb2f3f4f7b84ed1bb9e3a8d0c0a7d11"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("this machine has no valid machine id")
    assert host_id(host(kind="live", proc_root="/proc")) == done.stdout.strip()


def test_addresses_are_those_of_all_namespaces_in_numeric_order() -> None:
    processes = [process(1, "a", netns=1), process(2, "b", netns=2), process(3, "c", netns=1)]
    source = ListSource(processes, addresses={1: ["10.0.0.9", "10.0.0.10"], 2: ["9.1.1.1"]})
    inputs = Inputs(config(), source, build.NO_ENVIRONMENT, NO_TAGS, ())
    expected = ("9.1.1.1", "10.0.0.9", "10.0.0.10")
    assert provenance(inputs, processes).addresses == expected
    assert provenance(inputs, None).addresses == expected
    hidden = inputs._replace(source=ListSource(processes))
    assert provenance(hidden, None).addresses is None
