"""Which configuration files may start a command."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from proccli.local.tag_command.trust import why_untrusted
from tests.otheruser import as_nobody_code

CONTENT = b"static_config: {}\n"
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root's rights")


def belongs(path: Path, uid: int) -> str:
    return f"{path} belongs to user id {uid}, who is neither root nor you"


@pytest.fixture
def ours() -> Iterator[Path]:
    """A directory of ours on a way that only root and we can change; /tmp is sticky."""
    path = Path(f"/tmp/proccli-trust-{os.getpid()}")
    path.mkdir(mode=0o755)
    path.chmod(0o755)
    try:
        yield path
    finally:
        subprocess.run(["rm", "-rf", str(path)], check=True)


@pytest.fixture
def config(ours: Path) -> Path:
    path = ours / "agent.yaml"
    path.write_bytes(CONTENT)
    path.chmod(0o644)
    return path


def test_a_file_of_ours_is_trusted(config: Path) -> None:
    assert why_untrusted(str(config), CONTENT) is None


def test_a_file_in_a_sticky_directory_is_trusted() -> None:
    sticky = Path(f"/tmp/proccli-trust-{os.getpid()}.yaml")
    sticky.write_bytes(CONTENT)
    sticky.chmod(0o600)
    try:
        assert why_untrusted(str(sticky), CONTENT) is None
    finally:
        sticky.unlink()


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o620, 0o602])
def test_a_file_that_others_can_write_is_not(config: Path, mode: int) -> None:
    config.chmod(mode)
    problem = why_untrusted(str(config), CONTENT)
    assert problem == f"others can write to {config} (mode {mode:04o})"


@pytest.mark.parametrize("mode", [0o775, 0o757, 0o2775])
def test_nor_one_in_a_directory_that_others_can_write(ours: Path, config: Path, mode: int) -> None:
    ours.chmod(mode)
    assert why_untrusted(str(config), CONTENT) == f"others can write to {ours} (mode {mode:04o})"


def test_nor_one_further_up(ours: Path) -> None:
    deep = ours / "a" / "b"
    deep.mkdir(parents=True)
    (deep / "agent.yaml").write_bytes(CONTENT)
    (ours / "a").chmod(0o777)
    assert "others can write to" in str(why_untrusted(f"{deep}/agent.yaml", CONTENT))


def test_a_relative_path_is_judged_by_the_whole_way(
    ours: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ours)
    assert why_untrusted("agent.yaml", CONTENT) is None
    assert why_untrusted("./../" + ours.name + "//agent.yaml", CONTENT) is None
    ours.chmod(0o777)
    assert "others can write" in str(why_untrusted("agent.yaml", CONTENT))


def test_a_directory_that_was_removed_is_no_way(
    ours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = ours / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert why_untrusted("agent.yaml", CONTENT) == "its path can't be followed (ENOENT)"


# ---- symbolic links ----------------------------------------------------------------------------


@pytest.fixture
def link(ours: Path, config: Path) -> Callable[[str], Path]:
    def make(target: str) -> Path:
        path = ours / "links" / "agent.yaml"
        path.parent.mkdir()
        path.symlink_to(target)
        return path

    return make


@pytest.mark.parametrize(
    "target", ["../agent.yaml", "{ours}/agent.yaml", "..//links/../agent.yaml"]
)
def test_a_link_is_judged_by_its_target(
    ours: Path, config: Path, link: Callable[[str], Path], target: str
) -> None:
    path = link(target.format(ours=ours))
    assert why_untrusted(str(path), CONTENT) is None
    config.chmod(0o666)
    assert "others can write" in str(why_untrusted(str(path), CONTENT))


def test_the_way_to_a_links_target_counts(ours: Path, link: Callable[[str], Path]) -> None:
    other = ours / "other"
    other.mkdir()
    (other / "agent.yaml").write_bytes(CONTENT)
    path = link("../other/agent.yaml")
    assert why_untrusted(str(path), CONTENT) is None
    other.chmod(0o777)
    assert why_untrusted(str(path), CONTENT) == (
        f"others can write to {ours}/links/../other (mode 0777)"
    )


def test_a_link_to_a_directory_on_the_way_counts(ours: Path, config: Path) -> None:
    (ours / "real").mkdir()
    config.rename(ours / "real" / "agent.yaml")
    (ours / "current").symlink_to("real")
    path = f"{ours}/current/agent.yaml"
    assert why_untrusted(path, CONTENT) is None
    (ours / "real").chmod(0o777)
    assert "others can write" in str(why_untrusted(path, CONTENT))


def test_links_in_a_circle_end(ours: Path) -> None:
    (ours / "a").symlink_to("b")
    (ours / "b").symlink_to("a")
    assert why_untrusted(f"{ours}/a", CONTENT) == "its path can't be followed (ELOOP)"


@AS_ROOT
@pytest.mark.root
def test_a_link_of_somebody_else_in_a_sticky_directory_is_not_trusted(
    ours: Path, config: Path
) -> None:
    (ours / "tmp").mkdir()
    (ours / "tmp").chmod(0o1777)
    link = ours / "tmp" / "agent.yaml"
    link.symlink_to(config)
    assert why_untrusted(str(link), CONTENT) is None
    os.lchown(link, 65534, 65534)
    assert why_untrusted(str(link), CONTENT) == belongs(link, 65534)


# ---- owners ------------------------------------------------------------------------------------


@AS_ROOT
@pytest.mark.root
def test_a_file_of_somebody_else_is_not_trusted(config: Path) -> None:
    os.chown(config, 65534, 65534)
    assert why_untrusted(str(config), CONTENT) == belongs(config, 65534)


@AS_ROOT
@pytest.mark.root
def test_nor_is_a_file_of_ours_in_somebody_elses_directory(ours: Path, config: Path) -> None:
    os.chown(ours, 65534, 65534)
    assert why_untrusted(str(config), CONTENT) == belongs(ours, 65534)


@AS_ROOT
@pytest.mark.root
def test_sudo_does_not_make_the_callers_files_roots(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.chown(config, 65534, 65534)
    monkeypatch.setenv("SUDO_UID", "65534")
    monkeypatch.setenv("USER", "nobody")
    assert why_untrusted(str(config), CONTENT) is not None


@AS_ROOT
@pytest.mark.root
def test_somebody_trusts_root_and_themselves(ours: Path, config: Path) -> None:
    mine = ours / "mine.yaml"
    theirs = ours / "theirs.yaml"
    for path, uid in ((mine, 65534), (theirs, 1234)):
        path.write_bytes(CONTENT)
        os.chown(path, uid, uid)
    code = as_nobody_code(
        "proccli.local.tag_command.trust",
        "from proccli.local.tag_command.trust import why_untrusted\n"
        f"for path in {[str(config), str(mine), str(theirs)]!r}:\n"
        f"    print(why_untrusted(path, {CONTENT!r}))\n",
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["None", "None", belongs(theirs, 1234)]


# ---- what is read is what is judged ------------------------------------------------------------


@pytest.mark.parametrize("read", [b"", CONTENT[:-1], CONTENT + b"#", CONTENT.upper()])
def test_another_content_was_read_from_elsewhere(config: Path, read: bytes) -> None:
    assert why_untrusted(str(config), read) == "it has changed since it was read"


def test_a_large_file_is_compared_to_its_end(config: Path) -> None:
    content = CONTENT + b"#" * 5_000_000
    config.write_bytes(content)
    assert why_untrusted(str(config), content) is None
    assert why_untrusted(str(config), content[:-1] + b"!") is not None


def test_a_missing_file_is_not_trusted(ours: Path) -> None:
    assert why_untrusted(f"{ours}/none", CONTENT) == "its path can't be followed (ENOENT)"
    assert "ENOTDIR" in str(why_untrusted("/etc/passwd/agent.yaml", CONTENT))


@pytest.mark.parametrize("kind", ["directory", "fifo", "socket", "pipe", "root"])
def test_only_a_file_can_be_trusted(ours: Path, kind: str) -> None:
    path = str(ours / "x")
    if kind == "directory":
        Path(path).mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path)
    elif kind == "root":
        path = "/"
    reader, writer = os.pipe()
    if kind == "pipe":
        path = f"/proc/self/fd/{reader}"
    try:
        assert why_untrusted(path, b"") is not None
    finally:
        os.close(reader)
        os.close(writer)
