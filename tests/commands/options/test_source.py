"""The input options: given once, and an input that cannot be read is not wrong usage."""

from __future__ import annotations

import os

import pytest

from tests.cli.machine import CONFIG, write_config
from tests.cli.runner import Ran, call
from tests.sources.procfs.processes import as_nobody, public_directory, root_only

ONE_SOURCE = ("sync", "record")
"""The commands whose `-s` names one source."""
COMMANDS = ("scan", "explain", "sockets", "doctor", "tags", *ONE_SOURCE)


@pytest.mark.parametrize(
    ("option", "command"),
    [
        *(("-s", command) for command in ONE_SOURCE),
        *((option, command) for option in ("-c", "--tags", "--proc-root") for command in COMMANDS),
    ],
)
def test_an_input_option_given_twice_is_an_error(command: str, option: str) -> None:
    operands = {"explain": ["1"], "record": ["out.jsonl"]}.get(command, [])
    ran = call(command, option, "one", option, "two", *operands)

    assert (ran.code, ran.out) == (2, "")
    assert f"{option} / --" in ran.err or option in ran.err
    assert "only once" in ran.err


def test_migrate_takes_one_snapshot() -> None:
    ran = call("migrate", "old.yaml", "-s", "one", "-s", "two")
    assert ran.code == 2
    assert "only once" in ran.err


@pytest.mark.parametrize("arguments", [("check",), ("test",)])
def test_a_second_configuration_is_not_ignored(arguments: tuple[str, ...]) -> None:
    ran = call(*arguments, "-c", "one", "-c", "two")
    assert ran.code == 2
    assert "only once" in ran.err


def test_the_variable_is_one_path_whatever_it_contains(shop: tuple[str, ...]) -> None:
    ran = call("scan", *shop[:2], env={"PROCCLI_SNAPSHOT": "/no:such /path"})
    assert ran.code == 3
    assert "can't read /no:such /path" in ran.err


def test_an_option_overrides_its_variable(shop: tuple[str, ...]) -> None:
    ran = call("scan", *shop, env={"PROCCLI_SNAPSHOT": "/nonexistent", "PROCCLI_CONFIG": "/no"})
    assert ran.code == 0


@root_only
@pytest.mark.parametrize(
    "arguments",
    [
        ("scan", "-c"),
        ("scan", "-s"),
        ("scan", "--tags"),
        ("explain", "1", "-c"),
        ("check",),
        ("check", "-c"),
        ("check", "agent.yaml", "-s"),
        ("test",),
        ("label",),
        ("label", "-s"),
        ("topology",),
        ("tot",),
        ("diff", "agent.yaml"),
        ("diff", "agent.yaml", "agent.yaml", "-s"),
    ],
)
def test_a_file_of_another_user_is_an_input_that_cannot_be_read(
    arguments: tuple[str, ...],
) -> None:
    """click's own check would end with exit code 2, which means wrong usage."""
    with public_directory() as folder:
        write_config(folder, CONFIG)
        secret = folder / "secret"
        secret.write_text(CONFIG, encoding="utf-8")
        secret.chmod(0)

        def look() -> Ran:
            os.chdir(folder)
            return call(*arguments, str(secret))

        ran = as_nobody(look)

    assert ran.code == 3, ran.err
    assert str(secret) in ran.err
    assert "--help" not in ran.err
