"""Identities as JSON."""

from __future__ import annotations

from proccli.commands.scan.gprocesses import Identified
from proccli.server.gprocess import Identity
from proccli.terminal.document import Json


def identity_json(identity: Identity | None) -> Json | None:
    """Which gprocess a process is; None for one that is not sent."""
    if identity is None:
        return None
    by_pid = identity.basis == "pid"
    return {
        "group": identity.group,
        "name": identity.name,
        "name_cut": identity.name_cut,
        "key": {
            "by": identity.basis,
            "pid": identity.pid if by_pid else None,
            "name": None if by_pid else identity.name,
            "cmdline": identity.cmdline,
        },
        "doubts": list(identity.doubts),
        "after_restart": identity.after_restart,
        "after_exec": identity.after_exec,
        "refused": list(identity.refused),
    }


def identities_json(identified: Identified) -> Json:
    """What all of them come to."""
    return {
        "server": identified.server.number,
        "processes": len(identified.by_pid),
        "undecided": identified.undecided,
        "at_least": identified.at_least,
        "at_most": identified.at_most,
        "aging_s": identified.server.aging_s,
        "kept_s": identified.server.kept_s,
        "names": [
            {
                "name": name.use.name,
                "pids": list(name.pids),
                "groups": list(name.use.groups),
                "at_least": name.use.at_least,
                "at_most": name.use.at_most,
            }
            for name in identified.names
        ],
    }
