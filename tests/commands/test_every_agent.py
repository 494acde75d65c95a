"""Every command that takes a configuration answers for every agent, or says that the agent does
not read the dialect."""

from __future__ import annotations

from pathlib import Path

import pytest

from proccli.versions import AGENTS
from tests.cli.runner import call
from tests.paths import DOCS, ROOT

INPUTS_PROC = """inputs:
  proc:
    enabled: true
    process_matcher:
    - {match_regex: '^nginx', rewrite_name: web, only_in_container: false,
       enabled_features: [proc.gprocess_info, proc.socket_list]}
    - {match_regex: 'nothing', only_in_container: false, enabled_features: [proc.gprocess_info]}
"""
WEB = str(DOCS / "example" / "shop-web-1.jsonl")
APP = str(DOCS / "example" / "shop-app-1.jsonl")
COMMANDS = {
    "scan": ("-s", WEB),
    "explain": ("-s", WEB, "9"),
    "sockets": ("-s", WEB, "--no-wait"),
    "sync": ("--once", "--no-wait", "--no-state", "-s", WEB),
    "doctor": ("-s", WEB),
    "tags": ("-s", WEB),
    "topology": (WEB, APP),
    "label": ("-s", WEB, str(DOCS / "example" / "shop-conn.log")),
}
RELEASES = (
    *("6.2.0", "6.2.2", "6.2.6", "6.2.6.4", "6.5.4", "6.6.5", "6.6.6", "6.6.8"),
    *("6.6.9", "7.0.0", "7.0.9", "7.1.0", "7.1.8", "main"),
)
"""At least one of each that differs in what commands print."""


@pytest.mark.parametrize("agent", RELEASES)
@pytest.mark.parametrize("dialect", ["static_config", "inputs.proc"])
def test_every_command_answers(agent: str, dialect: str, tmp_path: Path) -> None:
    config = ROOT / "sample-configs" / "java-python.yaml"
    version = AGENTS[agent]
    reads = version.static_config is not None
    if dialect == "inputs.proc":
        config = tmp_path / "new.yaml"
        config.write_text(INPUTS_PROC)
        reads = version.inputs_proc is not None

    for command, options in COMMANDS.items():
        ran = call(command, "-c", str(config), "--agent", agent, *options)

        # doctor answers 1 where a step fails.
        wanted = {0, 1} if command == "doctor" else {0}
        assert ran.code in (wanted if reads else {1, 3}), (command, ran.err)
        if not reads and ran.code == 3:
            assert len(ran.err.strip().splitlines()) <= 3
    assert call("check", "--agent", agent, str(config)).code in (0, 1)
