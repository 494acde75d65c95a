"""The table of commands. To add one, add a module of its name here and a line to the table."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Final

import click

COMMANDS: Final[Mapping[str, str]] = {
    "scan": "Show which rule each process hits and the name it gets.",
    "explain": "Explain why a process gets its rule and its name.",
    "record": "Save a snapshot to analyse later or on another machine.",
    "diff": "Show what a configuration change does to each process.",
    "regex": "Test a pattern in the agent's regex dialect.",
    "tags": "Show each process's tags and which of them reach the server.",
    "sockets": "Show each socket, its role and age, and why it is not sent.",
    "sync": "Print what the agent would send and what changed since last time.",
    "tot": "Find the sending process in a capture (TCP option 253).",
    "topology": "Show which processes on many hosts are connected to each other.",
    "label": "Label flow records and captures with the process at each end.",
    "check": "Find problems in a configuration before it is rolled out.",
    "test": "Run rule tests on made-up and recorded processes.",
    "doctor": "Find the step at which processes lose their labels.",
    "schema": "Print the JSON Schema of a command's output.",
    "completion": "Print the completion script for a shell.",
}
"""The summary of each command, in the order of `proccli --help`; no command is loaded for it."""


def load(name: str) -> click.Command:
    """The command of this name, from its own module."""
    command = import_module(f"proccli.commands.{name}.command").command
    if not isinstance(command, click.Command):
        raise TypeError(f"proccli.commands.{name}.command.command is not a click command")
    return command
