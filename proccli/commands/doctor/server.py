"""Steps that can only be checked on the server, with what to check there."""

from __future__ import annotations

from typing import Final

from proccli.commands.doctor.step import Gate, unknown

_QUESTIONS: Final = (
    unknown(
        "server-agent-type",
        "only agents on cloud hosts, bare metal, Kubernetes nodes, pods and sidecars"
        " sync processes",
        "check that deepflow-ctl agent list shows a type beginning with CHOST_ or K8S_",
    ),
    unknown(
        "server-domain",
        "the server stores processes only of agents on a resource that it knows",
        "check that the agent's host belongs to a synchronized domain (deepflow-ctl domain"
        " list) and that the agent's state is NORMAL",
    ),
    unknown(
        "server-group",
        "an agent uses the configuration of its group",
        "check that this is the configuration of the agent's group (deepflow-ctl"
        " agent-group-config list) and that the agent restarted after it was changed",
    ),
    unknown(
        "server-process-table",
        "a process id is derived from pid and agent; a pid that is reused within a day"
        " keeps its old label",
        "check that the database table process has rows of this agent that are not deleted",
    ),
    unknown(
        "server-aging",
        "an ended process is kept for 24 hours; and since 6.5.4 the agent sends again only"
        " when pids change, not when only a name or tag changes",
        "if a label is older than the configuration, restart the agent",
    ),
    unknown(
        "server-auto-instance",
        "auto_instance prefers a pod to a process, so in Kubernetes it is always the pod",
        "check whether a query for gprocess shows the label",
    ),
)

GATES: Final = tuple(question.gate for question in _QUESTIONS)


def server_gates() -> list[Gate]:
    """The steps on the server, each with what to check.

    Source: server v6.5 genesis/updater.go:535, cloud.go:661-696, genesis/store.go:301-316,
    ingester/common/common.go:155-186; agent v6.5 mod.rs:36-39, querier/linux.rs:338-356.
    """
    return list(_QUESTIONS)
