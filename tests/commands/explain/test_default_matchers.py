"""The built-in matchers of 7.1.8 on command lines as they are found on machines."""

from __future__ import annotations

import json

import pytest

from tests.cli.runner import call


@pytest.mark.parametrize(
    ("cmdline", "name"),
    [
        ("/usr/bin/java -Xmx1g -jar /opt/shop/orders.jar --port=80", "orders.jar"),
        ("java -jar app.jar", "app.jar"),
        ("/usr/bin/python3 /opt/app.py", "app.py"),
        ("python3 -u /srv/worker.py --queue mail", "worker.py"),
        ("node /srv/server.js", "server.js"),
        ("nodejs --inspect /srv/api/index.js", "index.js"),
        ("php -q /var/www/cron.php", "cron.php"),
        ("/usr/bin/deepflow-agent -f /etc/agent.yaml", "deepflow-agent"),
        ("/usr/sbin/nginx -g daemon", None),
        ("/usr/bin/redis-server", None),
    ],
)
def test_the_default_matchers_of_a_release(cmdline: str, name: str | None) -> None:
    """FACTS, defaults per version: outside of containers, only the interpreters are taken."""
    ran = call("explain", "--cmdline", cmdline, "--agent", "7.1.8", "--json")
    (process,) = json.loads(ran.out)["processes"]
    assert process["gprocess"] == name
