"""The start of proccli.pyz, in an archive with a small program in place of proccli."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.bundle import start
from tests.waiting import LONG_S

OWN = f"cp{sys.version_info[0]}{sys.version_info[1]}-{os.uname().machine}"
PROGRAM = """
import sys, os, proccli.compiled
def main():
    print(os.path.dirname(os.path.dirname(__file__)), sys.argv[1:])
    return 7
"""
OLD = [
    python
    for version in ("2.7", "3.6", "3.8", "3.9")
    for python in sorted(Path(sys.base_prefix).parent.glob(f"{version}*/bin/python"))
    if os.access(python, os.X_OK)
]
"""Old Pythons beside the one that runs the tests, as pyenv installs them."""


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An archive like proccli.pyz; as root, its cache is in the test's folder, too."""
    source = Path(start.__file__).read_text(encoding="utf-8")
    path = tmp_path / "proccli.pyz"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("__main__.py", source.replace(start.ROOT_CACHE, str(cache(tmp_path))))
        file.writestr("BUILD", "0123")
        file.writestr("common/proccli/__init__.py", "")
        file.writestr("common/proccli/__main__.py", PROGRAM)
        file.writestr(f"{OWN}/proccli/compiled.py", "")
        file.writestr("cp399-pdp11/proccli/compiled.py", "")
    return path


def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "proccli"


def run(
    archive: Path, *arguments: str, python: str = sys.executable, **env: str
) -> subprocess.CompletedProcess[str]:
    env = {"PATH": "", "XDG_CACHE_HOME": str(cache(archive.parent).parent)} | env
    return subprocess.run(
        [python, str(archive), *arguments],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=LONG_S,
    )


def test_it_unpacks_once_and_runs_the_program(archive: Path, tmp_path: Path) -> None:
    place = cache(tmp_path) / f"0123-{OWN}"

    done = [run(archive, "scan", "-c", "a b") for _ in "12"]

    for ran in done:
        assert (ran.returncode, ran.stderr) == (7, "")
        assert ran.stdout == f"{place} ['scan', '-c', 'a b']\n"
    assert [path.name for path in cache(tmp_path).iterdir()] == [place.name]
    assert cache(tmp_path).stat().st_mode & 0o777 == 0o700
    assert not (place / "cp399-pdp11").exists()


def test_a_place_that_others_can_change_is_not_used(archive: Path, tmp_path: Path) -> None:
    cache(tmp_path).mkdir(parents=True)
    cache(tmp_path).chmod(0o777)
    place = cache(tmp_path) / f"0123-{OWN}" / "proccli"
    place.mkdir(parents=True)
    (place / "__main__.py").write_text("raise SystemExit('someone else wrote this')")

    ran = run(archive, TMPDIR=str(tmp_path))

    folder = Path(ran.stdout.split()[0])
    assert ran.returncode == 7
    assert folder.parent == tmp_path
    assert not folder.exists()  # removed at the end


def test_a_link_in_place_of_the_cache_is_not_followed(archive: Path, tmp_path: Path) -> None:
    cache(tmp_path).parent.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    cache(tmp_path).symlink_to(elsewhere)

    assert run(archive, TMPDIR=str(tmp_path)).returncode == 7
    assert list(elsewhere.iterdir()) == []


def test_two_first_runs_at_once_do_not_disturb_each_other(archive: Path, tmp_path: Path) -> None:
    env = {"PATH": "", "XDG_CACHE_HOME": str(cache(tmp_path).parent)}
    started = [
        subprocess.Popen([sys.executable, str(archive)], env=env, stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    outputs = {process.communicate(timeout=LONG_S)[0] for process in started}

    assert outputs == {f"{cache(tmp_path) / f'0123-{OWN}'} []\n".encode()}
    assert [path.name for path in cache(tmp_path).iterdir()] == [f"0123-{OWN}"]


def test_a_python_without_its_modules_is_told_which_there_are(archive: Path) -> None:
    with zipfile.ZipFile(archive) as file:
        contents = {name: file.read(name) for name in file.namelist() if OWN not in name}
    with zipfile.ZipFile(archive, "w") as file:
        for name, content in contents.items():
            file.writestr(name, content)

    ran = run(archive)

    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith(
        f"proccli: error: this file has no modules for {OWN}, but for cp399-pdp11;"
    )


@pytest.mark.parametrize("python", OLD, ids=lambda path: path.parts[-3])
def test_an_old_python_says_what_it_needs(python: Path, archive: Path) -> None:
    ran = run(archive, "--version", python=str(python))

    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("proccli: error: needs Python 3.10 or newer; this is Python ")
    assert ran.stderr.count("\n") == 1


@pytest.mark.parametrize("python", OLD, ids=lambda path: path.parts[-3])
def test_an_old_python_starts_a_newer_one_in_the_path(
    python: Path, archive: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    minor = sys.version_info[1]
    program = folder / f"python3.{minor}"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    (folder / "python3.19").write_text("not a program", encoding="utf-8")

    ran = run(archive, "a b", python=str(python), PATH=f"{folder}:/usr/bin:/bin")

    assert (ran.returncode, ran.stderr) == (7, "")
    assert ran.stdout.endswith(" ['a b']\n")


def test_the_syntax_is_that_of_old_pythons() -> None:
    """What Python 2.7 does not know would end in its traceback, before any check."""
    source = Path(start.__file__).read_text(encoding="utf-8")
    newer = (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.AsyncFunctionDef, ast.Nonlocal)

    assert source.isascii()
    for node in ast.walk(ast.parse(source)):
        assert not isinstance(node, newer), ast.unparse(node)
        if isinstance(node, ast.FunctionDef):
            arguments = node.args
            assert [*arguments.kwonlyargs, *arguments.posonlyargs] == []
            assert node.returns is None
            assert all(argument.annotation is None for argument in arguments.args)
