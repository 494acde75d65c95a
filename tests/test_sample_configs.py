"""The sample configurations do what their comments say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from proccli.agent.inputs import Inputs
from proccli.commands.explain.explain import explain_made_up
from proccli.config import loading
from proccli.model.config import Config
from proccli.model.outcome import Outcome
from proccli.model.process import NO_TAGS, Environment
from proccli.sources.made_up import MadeUp
from tests.build import ListSource
from tests.paths import ROOT

FOLDER = ROOT / "sample-configs"
ENVIRONMENT = Environment(
    values={"HOSTNAME": "web-1", "CLUSTER": "fra1"}, complete=True, origin="a test"
)


def load(name: str, via: Any = "server") -> Config:
    return loading.load((FOLDER / name).read_bytes(), name, via=via)


def outcome(name: str, **made_up: Any) -> Outcome:
    inputs = Inputs(
        config=load(name),
        source=ListSource([]),
        environment=ENVIRONMENT,
        tags=NO_TAGS,
        notes=(),
    )
    return explain_made_up(inputs, MadeUp(**made_up)).explanations[0].outcome


def status_and_name(name: str, line: str, **made_up: Any) -> tuple[str, str | None]:
    found = outcome(name, argv=tuple(line.split()), **made_up)
    return found.status, found.gprocess


@pytest.mark.parametrize("via", ["server", "file"])
@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.name)
def test_every_sample_loads_without_warnings_and_enables_the_sync(path: Path, via: str) -> None:
    config = load(path.name, via)

    assert config.sync_enabled
    assert config.notes == ()
    assert config.rules
    assert all(rule.problem is None for rule in config.rules)


def test_there_are_five() -> None:
    assert len(list(FOLDER.glob("*.yaml"))) == 5


@pytest.mark.parametrize(
    ("line", "parents", "expected"),
    [
        ("bash", (), ("dropped", None)),
        ("-bash", (), ("dropped", None)),
        ("/usr/bin/python3 app.py --port 80", (), ("accepted", "/usr/bin/app-py-script --port 80")),
        ("worker", ("nginx",), ("accepted", "worker")),
        ("nginx", (), ("dropped", None)),
    ],
)
def test_typical(line: str, parents: tuple[str, ...], expected: tuple[str, str | None]) -> None:
    assert status_and_name("typical.yaml", line, parents=parents) == expected


def test_a_login_shell_is_matched_only_by_the_last_rule() -> None:
    found = outcome("typical.yaml", argv=("-bash",))

    assert found.rule is not None
    assert found.rule.index == 4


@pytest.mark.parametrize(
    ("line", "more", "expected"),
    [
        ("python3 app.py", {}, ("accepted", "app-py-script")),
        ("nginx -g", {}, ("accepted", "nginx-web-1")),
        ("sh", {"parents": ("nginx",)}, ("accepted", "sh")),
        ("usleep", {}, ("dropped", None)),
        ("shop", {"tags": (("app", "x"),)}, ("accepted", "shop")),
        ("shop", {}, ("accepted", "shop")),
    ],
)
def test_yaml_comment(line: str, more: Any, expected: tuple[str, str | None]) -> None:
    assert status_and_name("yaml-comment.yaml", line, **more) == expected


_SPAWN = "from multiprocessing.spawn import spawn_main; spawn_main(tracker_fd=5, pipe_handle=7)"


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("java -jar pay.jar", "pay"),
        ("/usr/lib/jvm/bin/java -Xmx1g -jar /opt/pay/pay-1.4.jar --port 80", "pay"),
        ("java -jar -XX:MaxRAM=128m app.jar", "app"),
        ("java -javaagent:/opt/apm/agent-1.2.jar -jar /opt/pay.jar", "pay"),
        ("java --add-opens java.base/java.lang=ALL-UNNAMED -jar /opt/pay.jar", "pay"),
        ("java --add-opens=java.base/java.lang=ALL-UNNAMED -jar /opt/pay.jar", "pay"),
        ("java @/etc/pay.args -jar /opt/pay.jar", "pay"),
        ("java -jar /usr/share/jenkins/jenkins.war --httpPort=8080", "jenkins"),
        ("java -jar pay-2.0.0.RELEASE.jar", "pay"),
        ("java -jar pay-1.0-SNAPSHOT-exec.jar", "pay"),
        ("java -jar pay-1.0-20240101.120000-3.jar", "pay"),
        ("java -jar pay-1.4.2-4f5e6d7.jar", "pay"),
        ("java -jar pay-v2_all.jar", "pay"),
        ("java -jar kafka_2.13-3.6.0.jar", "kafka"),
        ("java -jar minecraft_server.1.16.5.jar nogui", "minecraft_server"),
        ("java -jar log4j-1.2-api-2.17.1.jar", "log4j-1.2-api"),
        ("java -jar order-service.jar", "order-service"),
        ("java -cp a.jar:b.jar -Xmx1g com.shop.Orders --port 80", "com.shop.Orders"),
        ("java -cp /opt/x.y Main --config a.b", "Main"),
        ("java -classpath lib/a.jar -Dx=y com.shop.Orders -jar x.jar", "com.shop.Orders"),
        ("java -Dx=y com.shop.Orders$Main", "com.shop.Orders$Main"),
        ("java -client com.shop.Orders", "com.shop.Orders"),
        ("java --class-path a.jar --enable-preview com.shop.Orders", "com.shop.Orders"),
        ("java -p mods -m shop/com.shop.Orders --port 80", "com.shop.Orders"),
        ("java --module-path mods --module=shop/com.shop.Orders", "com.shop.Orders"),
        ("java --module shop", "shop"),
        ("java --unknown-option com.shop.Value com.shop.Orders", "java"),
        ("java -version", "java"),
        ("java", "java"),
        ("python3 -m http.server 8000", "http.server"),
        ("python3 -mhttp.server 8000", "http.server"),
        ("python3 -um shop.worker", "shop.worker"),
        ("/usr/bin/python3.11 -u -m shop.worker", "shop.worker"),
        ("python3 -W ignore -X dev -m shop.worker", "shop.worker"),
        ("/usr/bin/python3 -u /opt/shop/app.py --port 80", "app"),
        ("python3 -W ignore app.py", "app"),
        ("python3 -Wignore app.py", "app"),
        ("python3 -uW ignore app.py", "app"),
        ("python3 --check-hash-based-pycs always app.py", "app"),
        ("python3 app.py other.py", "app"),
        ("python3 app.py -m other", "app"),
        ("python3 /opt/shop/bin/worker --queue mail", "worker"),
        ("python3 /opt/shop/__main__.py", "shop"),
        ("python3 /opt/shop/", "shop"),
        ("python3 /opt/shop.pyz", "shop"),
        ("pypy3 app.py", "app"),
        ("python3 -", "python3"),
        ("python3 -Z /opt/app.py", "python3"),
        ("python3", "python3"),
        ("nginx", "nginx"),
    ],
)
def test_java_python(line: str, name: str) -> None:
    assert status_and_name("java-python.yaml", line) == ("accepted", name)


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (_SPAWN, "multiprocessing.spawn"),
        (
            "from multiprocessing.resource_tracker import main;main(4)",
            "multiprocessing.resource_tracker",
        ),
        (
            "from multiprocessing.forkserver import main; main(8, 9, ['__main__'], **{})",
            "multiprocessing.forkserver",
        ),
        ("import shop; shop.run()", "python3"),
        ("from shop import run\nrun('app.py')", "python3"),
    ],
)
@pytest.mark.parametrize("options", [("-c",), ("-E", "-c"), ("-W", "ignore", "-Bc")])
def test_java_python_does_not_name_processes_after_a_word_of_their_code(
    options: tuple[str, ...], code: str, name: str
) -> None:
    argv = ("/usr/bin/python3", *options, code, "--multiprocessing-fork")
    assert outcome("java-python.yaml", argv=argv).gprocess == name


def test_java_python_keeps_arguments_of_several_lines_out_of_the_name() -> None:
    argv = ("python3", "/opt/shop/app.py", "a\nb.py")
    assert outcome("java-python.yaml", argv=argv).gprocess == "app"


def test_java_python_names_a_real_worker_of_multiprocessing() -> None:
    """As Python itself starts it."""
    import multiprocessing

    with multiprocessing.get_context("spawn").Pool(1) as pool:
        (worker,) = multiprocessing.active_children()
        pool.apply(int)
        raw = Path(f"/proc/{worker.pid}/cmdline").read_bytes()
    argv = tuple(piece.decode() for piece in raw.rstrip(b"\0").split(b"\0"))

    found = outcome("java-python.yaml", argv=("/usr/bin/python3", *argv[1:]))
    assert found.gprocess == "multiprocessing.spawn"


def test_java_python_names_gunicorn_by_its_title() -> None:
    assert outcome("java-python.yaml", title="gunicorn: worker [shop]").gprocess == "shop"


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ((("owner", "alice"),), ("accepted", "pay-fra1")),
        ((("owner", "alice"), ("observe", "no")), ("dropped", None)),
        ((("tier", "batch"),), ("dropped", None)),
        ((("tier", "batched"),), ("accepted", "pay-fra1")),
        ((), ("skipped", None)),
    ],
)
def test_fleet_tags(tags: Any, expected: tuple[str, str | None]) -> None:
    assert status_and_name("fleet-tags.yaml", "java -jar pay.jar", tags=tags) == expected


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("nginx: worker process", "nginx"),
        ("nginx: master process /usr/sbin/nginx -g daemon off;", "nginx"),
        ("/usr/sbin/nginx", "nginx"),
        ("/usr/sbin/mysqld", "mysql"),
        ("postgres: shop shop 10.0.0.5(41000) idle", "postgres"),
        ("redis-server *:6379", "redis"),
        ("redis-exporter", None),
        ("nginx-exporter", None),
        ("bash", None),
    ],
)
def test_allow_list(title: str, name: str | None) -> None:
    found = outcome("allow-list.yaml", title=title, uptime_s=60)

    assert (found.status, found.gprocess) == ("accepted" if name else "dropped", name)


def test_allow_list_accepts_descendants_of_the_deployment_tool() -> None:
    assert (
        status_and_name("allow-list.yaml", "anything", parents=("sh", "deployd"))[0] == "accepted"
    )


def test_allow_list_skips_young_processes() -> None:
    assert outcome("allow-list.yaml", argv=("mysqld",), uptime_s=9).reason == "min-lifetime"
