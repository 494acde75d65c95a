"""Lists of rules as people write them, and what their texts can be."""

from __future__ import annotations

from typing import Final

from proccli.rustregex.automata.domain import texts_without

FILE_NAMES: Final = texts_without("\0/", min_length=1, avoiding=(r"^\.\.?$",))
COMMAND_LINES: Final = texts_without("\0", min_length=1)
TAGS: Final = texts_without("\0", matching=(":",))

PROGRAMS: Final = [
    *("nginx", "redis-server", "mysqld", "postgres", "java", "python3", "node", "php-fpm"),
    *("httpd", "apache2", "envoy", "haproxy", "etcd", "consul", "vault", "kafka", "zookeeper"),
    *("mongod", "memcached", "rabbitmq", "beam.smp", "dockerd", "containerd", "kubelet"),
    *("kube-proxy", "coredns", "prometheus", "grafana-server", "alertmanager", "node_exporter"),
    *("filebeat", "logstash", "elasticsearch", "kibana", "fluentd", "telegraf", "influxd"),
    *("clickhouse-server", "cassandra", "nacos", "sentinel", "gunicorn", "uwsgi", "celery"),
    *("supervisord", "crond", "sshd", "rsyslogd", "chronyd", "systemd"),
]

EXACT_NAMES: Final = [f"^{name}$" for name in PROGRAMS] + [".*"]
NAMES: Final = [*PROGRAMS, ".*"]
WHOLE_WORDS: Final = [rf"\b{name}\b" for name in PROGRAMS]
WITH_ARGUMENTS: Final = [
    pattern
    for name in PROGRAMS[:12]
    for pattern in (
        rf"^(?:\S*/)?{name} (?:\S+ )*?-jar (?:\S*/)?(\S+?)\.jar(?: .*)?$",
        rf"{name}.*(\S+)\.conf",
        rf"(?i){name}\s+--name[= ](\w{{1,32}})",
        rf"^\S*/{name}\b.*--port (\d+)",
    )
] + [".*"]
WITH_GAPS: Final = [
    rf"{one} .*{other}.*\.py" for one, other in zip(PROGRAMS, PROGRAMS[5:45], strict=False)
] + [r"\.py$"]
SAMPLE: Final = [
    r"^(?:\S*/)?java (?:\S+ )*?-jar (?:\S*/)?(\S+?)\.jar(?: .*)?$",
    (
        r"^(?:\S*/)?java (?:-(?:cp|classpath|-class-path) \S+ |-\S+ )*"
        r"((?:[A-Za-z_][\w$]*\.)+[A-Za-z_][\w$]*)(?: .*)?$"
    ),
    r"^(?:\S*/)?python[0-9.]* (?:-\S+ )*?-m (\S+)(?: .*)?$",
    r"^(?:\S*/)?python[0-9.]* (?:-\S+ )*?(?:\S*/)?(\S+?)\.py(?: .*)?$",
    r"^(?:\S*/)?python[0-9.]* (?:-\S+ )*?(?:\S*/)?([^\s/-][^\s/]*)(?: .*)?$",
    r"^gunicorn: \w+ \[(.+)\]$",
]
