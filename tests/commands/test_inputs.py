"""Where tags and the environment come from, with real configurations and real commands."""

from __future__ import annotations

import json
import os
import pwd
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from proccli.agent.inputs import Inputs
from proccli.commands.inputs import InputOptions, environment_for, open_inputs
from proccli.errors import UsageError
from proccli.local import agent_process
from proccli.model.process import OWN_ENVIRONMENT, Environment, SourceKind
from proccli.terminal.warning_text import message as words_of
from tests.build import config

ME = pwd.getpwuid(os.geteuid()).pw_name
OWNED = "- {pid: 1, tags: [{key: owner, value: alice}]}"


@dataclass
class Setup:
    """A configuration with a tag command that leaves a trace when it runs."""

    folder: Path
    said: list[str] = field(default_factory=list)

    @property
    def trace(self) -> Path:
        return self.folder / "it-ran"

    @property
    def config(self) -> Path:
        return self.folder / "agent.yaml"

    def write(
        self,
        script: str = f"echo {shlex.quote(OWNED)}",
        *,
        argv: Sequence[str] | None = None,
        user: str = ME,
        tagged_only: bool = False,
    ) -> None:
        command = argv or ("/bin/sh", "-c", f": > {shlex.quote(str(self.trace))}; {script}")
        content = {
            "static_config": {
                "os-proc-sync-enabled": True,
                "os-proc-sync-tagged-only": tagged_only,
                "os-app-tag-exec": list(command),
                "os-app-tag-exec-user": user,
            }
        }
        self.config.write_text(json.dumps(content))
        self.config.chmod(0o600)

    def open(self, **options: Any) -> Inputs:
        given: dict[str, Any] = {"config": str(self.config), "announce": self._told} | options
        return open_inputs(InputOptions(**given))

    def _told(self, message: str) -> None:
        assert not self.trace.exists(), "it was named after it ran"
        self.said.append(message)


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    made = Setup(folder=tmp_path)
    made.write()
    return made


def notes(inputs: Inputs, code: str) -> list[str]:
    return [words_of(note) for note in inputs.notes if note.code == code]


def unknown(inputs: Inputs) -> str:
    """The one warning that tells why tags are unknown."""
    assert not inputs.tags.known
    assert not inputs.tags.entries
    (message,) = notes(inputs, "tags-unknown")
    return message


# ---- live --------------------------------------------------------------------------------------


def test_the_command_of_a_trusted_configuration_is_named_and_run(setup: Setup) -> None:
    inputs = setup.open()

    assert inputs.tags.known
    assert inputs.tags.entries == {1: (("owner", "alice"),)}
    assert inputs.tags.origin == "os-app-tag-exec"
    assert setup.trace.exists()
    (said,) = setup.said
    assert said.startswith(f"running os-app-tag-exec as {ME}: /bin/sh -c ': > ")


def test_a_long_command_with_control_characters_is_named_in_short_and_safely(setup: Setup) -> None:
    setup.write(argv=("printf", "\x1b[31m[]", "x" * 5000))
    setup.open()

    (said,) = setup.said
    assert len(said) < 400
    assert "\x1b" not in said


def test_a_configuration_that_others_can_write_starts_nothing(setup: Setup) -> None:
    setup.config.chmod(0o666)
    message = unknown(setup.open())

    assert f"others can write to {setup.config} (mode 0666)" in message
    assert "--run-tag-exec" in message
    assert not setup.trace.exists()
    assert not setup.said


def test_run_tag_exec_starts_it_anyway(setup: Setup) -> None:
    setup.config.chmod(0o666)

    assert setup.open(run_tag_exec=True).tags.entries == {1: (("owner", "alice"),)}
    assert len(setup.said) == 1


@pytest.mark.parametrize(
    "name", ["PROCCLI_RUN_TAG_EXEC", "RUN_TAG_EXEC", "PROCCLI_TAG_EXEC", "PROCCLI_TRUST"]
)
def test_the_environment_can_not_ask_for_it(
    setup: Setup, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    setup.config.chmod(0o666)
    monkeypatch.setenv(name, "1")
    unknown(setup.open())
    assert not setup.trace.exists()


def test_it_is_not_run_where_that_is_not_wanted(setup: Setup) -> None:
    assert "--no-tag-exec" in unknown(setup.open(tag_exec=False))
    assert not setup.trace.exists()


def test_a_file_of_tags_takes_its_place(setup: Setup) -> None:
    tags = setup.folder / "tags.yaml"
    tags.write_text(OWNED.replace("alice", "bob"))
    inputs = setup.open(tags=str(tags))

    assert inputs.tags.entries == {1: (("owner", "bob"),)}
    assert inputs.tags.origin == str(tags)
    assert not setup.trace.exists()


def test_where_tags_do_not_matter_nothing_is_run(setup: Setup) -> None:
    options = InputOptions(config=str(setup.config), tags="/no/such/file")
    inputs = open_inputs(options, with_tags=False)

    assert inputs.tags.known
    assert not notes(inputs, "tags-unknown")


@pytest.mark.parametrize("key", ["os-app-tag-exec", "os-app-tag-exec-user"])
def test_without_a_command_or_a_user_there_are_no_tags(setup: Setup, key: str) -> None:
    content = json.loads(setup.config.read_text())
    content["static_config"][key] = [] if key == "os-app-tag-exec" else ""
    setup.config.write_text(json.dumps(content))
    inputs = setup.open()

    assert inputs.tags.known
    assert not inputs.tags.entries
    assert not setup.trace.exists()


def test_tagged_only_without_any_tags_is_warned_of(setup: Setup) -> None:
    setup.write(tagged_only=True)
    content = json.loads(setup.config.read_text())
    del content["static_config"]["os-app-tag-exec"]
    setup.config.write_text(json.dumps(content))

    (message,) = notes(setup.open(), "tagged-only-without-tags")
    assert "the agent sends no process" in message


# ---- what goes wrong ---------------------------------------------------------------------------


def test_what_fails_for_the_agent_costs_all_tags(setup: Setup) -> None:
    setup.write(f"echo {shlex.quote(OWNED)}; echo no cmdb >&2; exit 3")
    inputs = setup.open()

    assert inputs.tags.known
    assert not inputs.tags.entries
    (message,) = notes(inputs, "tag-exec-failed")
    assert message == (
        "os-app-tag-exec: it exits with status 3 and prints: no cmdb;"
        " the agent continues without tags"
    )


def test_with_tagged_only_that_costs_all_processes(setup: Setup) -> None:
    setup.write("exit 1", tagged_only=True)
    (message,) = notes(setup.open(), "tag-exec-failed")
    assert message.endswith("with os-proc-sync-tagged-only it sends no process")


def test_a_missing_user_costs_all_tags(setup: Setup) -> None:
    setup.write(user="no-such-user")
    inputs = setup.open()

    assert inputs.tags.known
    (message,) = notes(inputs, "tag-exec-failed")
    assert "get userid by username no-such-user fail" in message


def test_an_output_that_the_agent_rejects_costs_all_tags(setup: Setup) -> None:
    setup.write("echo '- pid: 1'")
    inputs = setup.open()

    assert inputs.tags.known
    assert not inputs.tags.entries
    (message,) = notes(inputs, "tags-rejected")
    assert message.startswith("os-app-tag-exec:1:")
    assert message.endswith("the agent continues without tags")


def test_the_last_entry_of_a_pid_counts_with_a_warning(setup: Setup) -> None:
    tags = setup.folder / "tags.yaml"
    tags.write_text(
        "- {pid: 1, tags: [{key: a, value: x}, {key: b, value: y}]}\n"
        "- {pid: 2, tags: [{key: a, value: x}]}\n"
        "- {pid: 1, tags: [{key: b, value: y}, {key: c, value: z}]}\n"
        "- {pid: 0x2, tags: [{key: a, value: x}]}\n"
    )
    inputs = setup.open(tags=str(tags))

    assert inputs.tags.entries == {1: (("b", "y"), ("c", "z")), 2: (("a", "x"),)}
    assert notes(inputs, "tags-pid-again") == [
        f"{tags}:3: pid 1 has several entries, and only this last one counts; lost: a=x",
        f"{tags}:4: pid 2 has several entries, and only this last one counts",
    ]


def test_of_many_such_pids_the_first_have_warnings_and_the_rest_are_counted(setup: Setup) -> None:
    tags = setup.folder / "tags.yaml"
    tags.write_text("".join(f"- {{pid: {number % 120}, tags: []}}\n" for number in range(240)))
    told = notes(setup.open(tags=str(tags)), "tags-pid-again")

    assert len(told) == 101
    assert told[-1] == "20 more pids have several entries"


def test_a_warning_names_a_few_of_many_lost_tags(setup: Setup) -> None:
    tags = setup.folder / "tags.yaml"
    many = ", ".join(f"{{key: k{number}, value: {'x' * 1000}}}" for number in range(20))
    tags.write_text(f"- {{pid: 1, tags: [{many}]}}\n- {{pid: 1, tags: []}}\n")
    (message,) = notes(setup.open(tags=str(tags)), "tags-pid-again")

    assert len(message) < 500
    assert message.endswith(" and 15 more")


def test_a_limit_of_ours_leaves_tags_unknown(setup: Setup) -> None:
    setup.write("exec sleep 60")
    message = unknown(setup.open(tag_timeout_s=0.3))
    assert "still running after 0.3 s" in message
    assert "--tag-timeout" in message


# ---- elsewhere than live -----------------------------------------------------------------------


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    root = tmp_path / "proc"
    (root / "1").mkdir(parents=True)
    (root / "1" / "cmdline").write_bytes(b"/sbin/init\0")
    (root / "stat").write_text("cpu 0\nbtime 1767225600\n")
    (root / "uptime").write_text("1000.00 1.00\n")
    return root


def test_a_directory_starts_nothing(setup: Setup, directory: Path) -> None:
    assert "only on the live machine" in unknown(setup.open(snapshot=str(directory)))
    assert not setup.trace.exists()


def test_tags_from_a_file_count_for_a_directory_too(setup: Setup, directory: Path) -> None:
    tags = setup.folder / "tags.yaml"
    tags.write_text(OWNED)
    inputs = setup.open(snapshot=str(directory), tags=str(tags))
    assert inputs.tags.entries == {1: (("owner", "alice"),)}


@pytest.mark.parametrize(
    "options", [{"tag_exec": False}, {"tags": "x"}, {"snapshot": "x"}, {"snapshot": "-"}]
)
def test_run_tag_exec_excludes_other_sources_of_tags(setup: Setup, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="--run-tag-exec"):
        setup.open(run_tag_exec=True, **options)
    assert not setup.trace.exists()


# ---- environment ---------------------------------------------------------------------------------

RULES = config(("nginx", "", "accept", "$0-%SITE%-%UNSET_HERE%"))


def environment_and_codes(
    kind: SourceKind, recorded: Environment | None = None, **given: str
) -> tuple[Environment, list[str]]:
    environment, notes = environment_for(RULES, kind, recorded, given)
    return environment, [note.code for note in notes]


@pytest.fixture
def without_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests must not depend on an agent that happens to run here."""
    monkeypatch.setattr(agent_process, "find_environment", lambda: None)
    monkeypatch.setenv("SITE", "fra1")
    monkeypatch.delenv("UNSET_HERE", raising=False)


@pytest.mark.usefixtures("without_agent")
def test_without_an_agent_our_environment_is_used_with_a_warning() -> None:
    environment, codes = environment_and_codes("live")

    assert environment.values["SITE"] == "fra1"
    assert codes == ["own-environment", "env-unset"]


@pytest.mark.usefixtures("without_agent")
def test_given_values_override_without_a_warning() -> None:
    environment, codes = environment_and_codes("live", SITE="ams2", UNSET_HERE="")

    assert environment.values["SITE"] == "ams2"
    assert codes == []


def test_a_directory_knows_only_what_is_given() -> None:
    environment, codes = environment_and_codes("directory", SITE="ams2")

    assert dict(environment.values) == {"SITE": "ams2"}
    assert environment.complete
    assert codes == ["env-unset"]


def test_a_recording_keeps_the_warnings_of_its_making() -> None:
    carried = Environment(
        values={"SITE": "fra1"},
        complete=False,
        origin=OWN_ENVIRONMENT,
        unset=frozenset({"UNSET_HERE"}),
    )

    assert environment_and_codes("recording", carried)[1] == ["own-environment", "env-unset"]


def test_a_name_that_a_recording_does_not_carry_is_unknown() -> None:
    environment, codes = environment_and_codes(
        "recording", Environment(values={}, complete=False, origin="r")
    )

    assert not environment.knows("SITE")
    assert codes == ["env-unknown"]


def test_the_warning_names_the_recording_as_origin() -> None:
    carried = Environment(values={}, complete=False, origin="--env")

    _, notes = environment_for(RULES, "recording", carried, {"SITE": "fra1"})

    assert [words_of(note).partition(":")[0] for note in notes] == [
        "%UNSET_HERE% is not known from the recording"
    ]


@pytest.mark.parametrize(
    "rules", [(("a",),), (("a", "", "drop", "%X%"),), (("a", "tag", "", "%X%"),)]
)
def test_without_a_variable_in_a_rule_there_is_no_warning(rules: Any) -> None:
    assert environment_for(config(*rules), "live", None, {})[1] == ()


def test_a_secret_in_a_rejected_output_is_not_shown(setup: Setup) -> None:
    output = setup.config.parent / "tags.txt"
    output.write_text("--password hunter22x\n")

    (message,) = notes(setup.open(tags=str(output)), "tags-rejected")

    assert "hunter22x" not in message
    assert "--password ***" in message
