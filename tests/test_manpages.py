"""The manual pages say what the commands do now, and can be printed."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from proccli.cli.main import COMMANDS
from tests.cli.runner import call
from tests.manpages import FOLDER, pages
from tests.waiting import LONG_S

PAGES = pages()


def test_the_pages_are_current() -> None:
    """`make man` writes them."""
    assert {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()} == PAGES


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_a_page_prints_everything_that_help_prints() -> None:
    """All pages in one run; groff warns about what it does not understand."""
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-rLL=100n", "-P-cbou"],
        input="".join(PAGES.values()).encode(),
        capture_output=True,
        check=True,
        timeout=LONG_S,
    )
    assert done.stderr == b""
    printed = "".join(done.stdout.decode().split())
    for name in COMMANDS:
        for line in call(name, "--help").out.splitlines():
            if line.startswith("  -"):
                names = line[2:].split("  ")[0]
                assert "".join(names.split()) in printed, names
            elif line.startswith("  proccli "):
                assert "".join(line.split()) in printed, line
