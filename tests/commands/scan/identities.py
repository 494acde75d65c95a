"""A host on which names and gprocesses are not the same: workers, containers, masks, long names."""

from __future__ import annotations

from proccli.agent.inputs import Inputs
from proccli.commands.scan.gprocesses import Identified, identify
from proccli.commands.scan.scan import ScanResult, scan
from proccli.model.process import NO_TAGS, FieldError, Process
from proccli.versions import SERVERS
from tests.build import NO_ENVIRONMENT, ListSource, config, host, process

POD, OTHER_POD = "a1" * 32, "b2" * 32


def contained(pid: int, container: str, *argv: str) -> Process:
    """A process in a container."""
    return process(pid, *argv, cgroup=f"0::/kubepods/{container}\n")


def processes() -> list[Process]:
    """Every doubt, every refusal, and what is certain."""
    return [
        process(2, ppid=2, comm="kthreadd"),
        process(812, "nginx: master process /usr/sbin/nginx"),
        *(process(pid, "nginx: worker process") for pid in (813, 814, 815, 816, 820)),
        process(900, "/usr/bin/python3", "/opt/shop/app.py", "--port", "80"),
        process(901, "/usr/bin/python3", "-u", "/opt/shop/app.py", "--port", "81"),
        process(902, "/usr/bin/python3", "-m", "shop.jobs"),
        contained(910, POD, "/app/pay", "--serve"),
        contained(911, POD, "/app/pay", "--serve"),
        contained(912, OTHER_POD, "/app/pay", "--serve"),
        process(920, "mysqld", "-pXXX", masked_spans=((9, 12),)),
        process(921, "mysqld", "-pXXX", masked_spans=((9, 12),)),
        process(
            930,
            "agentless",
            cgroup=None,
            errors=(FieldError(field="cgroup", problem="denied", detail="EACCES"),),
        ),
        process(940, "注" * 90),
        process(941, "🚀launch", "--now"),
        process(950, "[bold red]\x1b[31mred\u202e", "\x9b2J"),
        process(951, "[bold red]\x1b[31mred\u202e", "\x9b2J\n"),
        process(
            960,
            cmdline=None,
            comm="secret",
            errors=(FieldError(field="cmdline", problem="denied", detail="EACCES"),),
        ),
    ]


def workers() -> ScanResult:
    """A scan of it, with no rules."""
    source = ListSource(processes(), at=host(kind="live", privileged=False))
    return scan(
        Inputs(config=config(), source=source, environment=NO_ENVIRONMENT, tags=NO_TAGS, notes=())
    )


def identified(result: ScanResult, server: str) -> Identified:
    """As a server of that version sees it."""
    return identify(result.outcomes, result.host, SERVERS[server])
