"""Building proccli.pyz, with folders in place of what pip installs."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from tests.bundle import archive

SITES = {
    "3.10-x86_64": {"regex/__init__.py": "same", "regex/_regex.so": "310", "bin/rich": "no"},
    "3.11-x86_64": {"regex/__init__.py": "same", "regex/_regex.so": "311", "share/man/a.1": "no"},
}


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def installed(_wheel: Path, target: str, folder: Path) -> Path:
        for name, text in SITES[target].items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        return folder

    monkeypatch.setattr(archive, "_installed", installed)
    archive.build(tmp_path / "x.whl", tmp_path / "out.pyz", tuple(SITES))
    return tmp_path / "out.pyz"


def test_what_all_pythons_share_is_stored_once(built: Path) -> None:
    with zipfile.ZipFile(built) as file:
        contents = {name: file.read(name).decode() for name in file.namelist()}

    assert contents.pop("__main__.py").startswith('"""The start of proccli.pyz')
    assert len(contents.pop("BUILD")) == 16
    assert contents == {
        "common/regex/__init__.py": "same",
        "cp310-x86_64/regex/_regex.so": "310",
        "cp311-x86_64/regex/_regex.so": "311",
        "cp310-x86_64/.python": "3.10-x86_64",
        "cp311-x86_64/.python": "3.11-x86_64",
    }


def test_the_archive_can_be_started_and_is_the_same_each_time(built: Path) -> None:
    first = built.read_bytes()
    assert first.startswith(b"#!/usr/bin/env python3\nPK")
    assert os.access(built, os.X_OK)

    archive.build(built, built, tuple(SITES))
    assert built.read_bytes() == first
