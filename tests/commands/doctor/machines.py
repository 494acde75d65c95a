"""A machine on which many steps fail, and one without failures."""

from __future__ import annotations

from dataclasses import replace

from proccli.commands.doctor.doctor import DoctorResult, examine
from proccli.commands.inputs import InputOptions
from proccli.commands.samples import take_sample
from proccli.local.agent_process import MACHINES_PID_NAMESPACE, LiveMachine, ProcView, RunningAgent
from proccli.model.note import Note
from tests.agent.sockets.looking import fd, tcp, tcp6
from tests.build import ListSource, config, host, net_tables, process
from tests.commands.shop import inputs, processes, rules

AGENT = RunningAgent(
    pid=71,
    exe=None,
    cmdline="deepflow-agent \x1b[31m\u202e" + "x" * 4000,
    started_s=1.0,
    euid=65534,
    capabilities=0,
    shares_our_user_namespace=None,
)
LACKING = LiveMachine(
    agents=(AGENT, replace(AGENT, pid=72)),
    view=ProcView(path="/host/proc", filesystem="tmpfs"),
    own_pid_namespace=MACHINES_PID_NAMESPACE,
)
SOUND = LiveMachine(
    agents=(replace(AGENT, exe="/usr/sbin/deepflow-agent", euid=0, capabilities=(1 << 41) - 1),),
    view=ProcView(path="/proc", filesystem="proc", pid_namespace=MACHINES_PID_NAMESPACE),
    own_pid_namespace=MACHINES_PID_NAMESPACE,
)


def doctored() -> DoctorResult:
    """Most steps fail, and the process named deepflow-agent is not an agent."""
    switched_off = config(
        *rules().rules,
        sync_enabled=False,
        tag_exec=("tags",),
        proc_root="/host/proc",
        notes=(Note(code="unknown-key", text="agent.yaml:9:3: a key nobody knows"),),
    )
    lost = "os-app-tag-exec: there is no user deepflow; the agent continues without tags"
    source = ListSource(
        processes(),
        at=host(kind="live", privileged=False),
        sockets={900: [fd(3, 1)], 905: [fd(4, 2)]},
        nets={0: net_tables(tcp=[tcp(2, "0.0.0.0:80")], tcp6=[tcp6(1, "::1:1", "::1:2")])},
    )
    given = inputs(switched_off)._replace(
        source=source,
        notes=(Note(code="tag-exec-failed", text=lost),),
    )
    return examine(take_sample(given), LACKING, InputOptions())


def well() -> DoctorResult:
    """No step fails."""
    source = ListSource(
        [process(7, "nginx"), process(2)],
        at=host(kind="live"),
        sockets={7: [fd(3, 1)]},
        nets={0: net_tables(tcp=[tcp(1, "10.0.0.5:41000", "10.0.0.9:5432")])},
    )
    given = inputs(config(("nginx",)))._replace(source=source)
    return examine(take_sample(given), SOUND, InputOptions())
