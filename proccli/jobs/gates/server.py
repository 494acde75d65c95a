"""What can only be seen on the server, as questions to ask there."""

from __future__ import annotations

from typing import Final

from proccli.jobs.gates.gate import Gate, unknown

_QUESTIONS: Final = (
    unknown(
        "server-agent-type",
        "agents sync processes on cloud hosts, bare metal and Kubernetes nodes, pods"
        " and sidecars only",
        "does deepflow-ctl agent list show it with a type that begins with CHOST_ or K8S_?",
    ),
    unknown(
        "server-domain",
        "processes are recorded only of agents on a resource that the server has learnt",
        "does the agent's host stand in a domain that is in sync (deepflow-ctl domain"
        " list), and is the agent's state NORMAL?",
    ),
    unknown(
        "server-group",
        "an agent follows the configuration of its group",
        "is this the configuration of the agent's group (deepflow-ctl"
        " agent-group-config list), and did the agent restart after it was changed?",
    ),
    unknown(
        "server-process-table",
        "an id of a process is made from pid and agent; a pid that is given out again"
        " within a day keeps its old label",
        "does the table process of the database have rows of this agent that are not deleted?",
    ),
    unknown(
        "server-aging",
        "a vanished process stays for 24 hours; and since 6.5.4 the agent sends anew"
        " only when pids change, not for another name or tag alone",
        "is the label that you see older than the configuration? restart the agent",
    ),
    unknown(
        "server-auto-instance",
        "auto_instance prefers a pod to a process: in Kubernetes the pod always wins",
        "is the label there when you ask for gprocess itself?",
    ),
)

GATES: Final = tuple(question.gate for question in _QUESTIONS)


def server_gates() -> list[Gate]:
    """Each with what to ask.

    Source: server v6.5 genesis/updater.go:535, cloud.go:661-696, genesis/store.go:301-316,
    ingester/common/common.go:155-186; agent v6.5 mod.rs:36-39, querier/linux.rs:338-356.
    """
    return list(_QUESTIONS)
