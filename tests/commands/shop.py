"""A small web shop's machine: a process for every outcome, and some hostile ones."""

from __future__ import annotations

from proccli.agent.inputs import Inputs
from proccli.commands.explain.explain import ExplainResult, explain_made_up, explain_pids
from proccli.commands.scan.scan import ScanResult, scan
from proccli.model.config import Config
from proccli.model.note import Note
from proccli.model.process import Environment, FieldError, Process
from proccli.sources.made_up import MadeUp
from tests.build import ListSource, config, host, process, rule, tag_table

USERS = {0: "root", 1000: "shop", 33: "www-data"}
LONG = "-Dsecret.of.the.house=" + "x" * 4000


def kernel_thread(pid: int, comm: str) -> Process:
    """A process without a command line."""
    return process(pid, ppid=2, comm=comm, starttime_ticks=100)


def processes() -> list[Process]:
    """Every outcome and reason that agent 6.5 knows, non-Latin scripts and hostile texts."""
    return [
        process(1, "/sbin/init", "splash", starttime_ticks=100, comm="systemd"),
        kernel_thread(2, "kthreadd"),
        kernel_thread(3, "pool_workqueue_"),
        kernel_thread(4, "kworker/0:0H-kblockd"),
        process(812, "nginx: master process /usr/sbin/nginx -g daemon off;", ppid=1, uid=33),
        process(813, "nginx: worker process", ppid=812, uid=33),
        process(900, "/usr/bin/python3", "/opt/shop/app.py", "--port", "80", ppid=1, uid=1000),
        process(901, "/usr/bin/python3.11", "/opt/shop/jobs.py", ppid=900, uid=1000),
        process(902, "-bash", ppid=1, uid=1000, comm="bash"),
        process(903, "sleep", "30", ppid=902, uid=1000),
        process(904, "java", LONG, "-jar", "/opt/pay.jar", ppid=902, uid=1000),
        process(905, "注文サーバー", "--地域=東京", ppid=1, uid=1000),
        process(906, "🚀launch", "--now", ppid=1, uid=1000),
        process(907, "[bold red]not markup[/]", "\x1b[31mred\x1b[0m", "\r\x9b2J\x07", ppid=1),
        process(908, "rtl\u202etxt", "a\u200bb", ppid=1),
        process(909, "/", ppid=1, comm="nameless"),
        process(910, "", ppid=1, cmdline=b"caf\xe9\0--x\0", comm="caf\\xe9"),
        process(911, "young", ppid=1, starttime_ticks=9_744_400),
        process(912, "future", ppid=1, starttime_ticks=99_744_400),
        process(913, ppid=902, comm="defunct"),
        process(
            914,
            ppid=1,
            comm="secret",
            cmdline=None,
            errors=(FieldError(field="cmdline", problem="denied", detail="EACCES"),),
        ),
        process(
            915,
            "python3",
            "token=XXXX.py",
            ppid=1,
            masked_spans=((14, 18),),
        ),
    ]


def rules() -> Config:
    """Rules of every kind, one of which the agent throws away."""
    return config(
        rule(1, r"python3 (.*)\.py", "cmdline", "accept", "$1-py-script-%HOSTNAME%"),
        rule(2, r"(?P<PROC>nginx)(?=:)", problem="look-around, (?=, is not supported"),
        rule(3, r"^(?P<PROC>nginx).*", "process_name", "accept", "${PROC}-$role"),
        rule(4, "bash", "parent_process_name", "drop"),
        rule(5, "app:.+", "tag", "accept", "unused"),
        rule(6, "^-?(sleep|zsh)$", "process_name", "drop"),
    )


EVERY_PID = tuple(item.pid for item in processes() if item.pid not in (3, 4))
TAGS = tag_table({900: [("app", "shop"), ("owner", "alice")], 905: [("app", "注文")]})
HOSTNAME = Environment(values={"HOSTNAME": "web-1"}, complete=True, origin="a test")


def inputs(configuration: Config | None = None) -> Inputs:
    """The shop's machine under a configuration."""
    return Inputs(
        config=configuration or rules(),
        source=ListSource(processes(), at=host(kind="live", privileged=False), users=USERS),
        environment=HOSTNAME,
        tags=TAGS,
        notes=(Note(code="rule-ignored", text="agent.yaml:6:5: rule 2 is thrown away"),),
    )


def scanned(configuration: Config | None = None) -> ScanResult:
    """A scan of it."""
    return scan(inputs(configuration))


def explained(*pids: int, configuration: Config | None = None) -> ExplainResult:
    """Explanations of some of it."""
    return explain_pids(inputs(configuration), pids)


def made_up(question: MadeUp, configuration: Config | None = None) -> ExplainResult:
    """The explanation of a process that is not there."""
    return explain_made_up(inputs(configuration), question)
