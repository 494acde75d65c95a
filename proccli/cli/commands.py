"""The commands there are. A new one is a module here of its name, and a line in this table."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Final

import click

COMMANDS: Final[Mapping[str, str]] = {
    "scan": "every process, with the rule it hits and the name it gets",
    "explain": "why a process gets the rule and the name it gets",
    "record": "write what the processes look like into a file, for later or elsewhere",
    "diff": "what a change of the configuration does to which processes",
    "regex": "try a pattern of the agent's dialect on texts",
    "tags": "what the tag command says of each process, and what arrives of it",
    "sockets": "each socket, its role, its age, and why it is not sent",
    "sync": "what the agent would send, and what of it is new, once or again and again",
    "tot": "which process sent a connection's segments, by the TCP option that says so",
    "topology": "who talks to whom, over many hosts, as the server joins their connections",
    "label": "flow records and captures with the processes at both ends, as the server labels them",
    "check": "what is wrong with a configuration, before it is rolled out",
    "test": "rule tests: made-up and recorded processes, and what should become of each",
    "doctor": "every gate between a process and its label, and where labels are lost",
    "schema": "the JSON Schema of a command's output",
    "completion": "the completion script for a shell",
}
"""What each command shows, in the order of `proccli --help`: known without loading any."""


def load(name: str) -> click.Command:
    """The command of this name, from its own module."""
    command = import_module(f"proccli.cli.{name}").command
    if not isinstance(command, click.Command):
        raise TypeError(f"proccli.cli.{name}.command is not a click command")
    return command
