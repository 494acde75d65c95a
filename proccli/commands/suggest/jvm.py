"""Recipes for Java: servers that everyone knows, jars and main classes."""

from __future__ import annotations

import re
from typing import Final

from proccli.commands.suggest.recipe import END, Recipe, scripts

JAVA: Final = r"(?s)^(?:\S*/)?java(?:-?[0-9]+)? "
_ANY: Final = rf"{JAVA}(?:.* )?"
_OPTIONS: Final = (
    r"(?:(?:-cp|-classpath|-p|--(?:class|module|upgrade-module)-path|--(?:add|limit)-[a-z]+"
    r"|--patch-module|--enable-native-access) \S+ |-XX:On\w+=\S+(?: -[0-9]+)?(?: %\S+)? |[-@]\S+ )*"
)
"""Options of the JVM, some with the next argument as their value. A hook such as `kill -9 %p` has
blanks."""
_VERSION: Final = (
    r"(?:[-+_.](?:v?[0-9][0-9A-Za-z]*|[0-9a-f]{7,40}|(?i:snapshot|release|final|ga|alpha|beta|rc"
    r"|build|exec|all|fat|uber|boot|shaded|standalone|jar-with-dependencies)[0-9]*))*"
)
"""Versions, hashes and what build tools add to the name of a jar."""
_JAR: Final = rf"{JAVA}{_OPTIONS}-jar (?:[-@]\S+ )*"

_CLASSES: Final = {
    "kafka.Kafka": "kafka",
    "org.apache.kafka.connect.cli.ConnectDistributed": "kafka-connect",
    "org.apache.zookeeper.server.quorum.QuorumPeerMain": "zookeeper",
    "org.apache.zookeeper.server.ZooKeeperServerMain": "zookeeper",
    "org.apache.cassandra.service.CassandraDaemon": "cassandra",
    "org.elasticsearch.bootstrap.Elasticsearch": "elasticsearch",
    "org.elasticsearch.server.cli.ServerCli": "elasticsearch-cli",
    "org.opensearch.bootstrap.OpenSearch": "opensearch",
    "org.logstash.Logstash": "logstash",
    "org.apache.flume.node.Application": "flume",
    "org.apache.hadoop.hbase.master.HMaster": "hbase-master",
    "org.apache.hadoop.hbase.regionserver.HRegionServer": "hbase-regionserver",
    "org.apache.spark.deploy.master.Master": "spark-master",
    "org.apache.spark.deploy.worker.Worker": "spark-worker",
    "org.apache.spark.deploy.history.HistoryServer": "spark-history",
    "org.apache.spark.executor.CoarseGrainedExecutorBackend": "spark-executor",
    "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint": "flink-jobmanager",
    "org.apache.flink.runtime.taskexecutor.TaskManagerRunner": "flink-taskmanager",
    "org.apache.rocketmq.namesrv.NamesrvStartup": "rocketmq-namesrv",
    "org.apache.rocketmq.broker.BrokerStartup": "rocketmq-broker",
    "org.apache.storm.daemon.nimbus.Nimbus": "storm-nimbus",
    "org.apache.storm.daemon.supervisor.Supervisor": "storm-supervisor",
    "org.apache.pulsar.PulsarBrokerStarter": "pulsar-broker",
    "org.apache.bookkeeper.server.Main": "bookkeeper",
    "org.apache.nifi.NiFi": "nifi",
    "org.apache.karaf.main.Main": "karaf",
    "org.jboss.Main": "jboss",
    "org.neo4j.server.CommunityEntryPoint": "neo4j",
    "org.neo4j.server.Neo4jCommunity": "neo4j",
    "org.neo4j.server.Neo4jEnterprise": "neo4j",
    "com.sun.enterprise.glassfish.bootstrap.ASMain": "glassfish",
    "com.hazelcast.core.server.HazelcastMemberStarter": "hazelcast",
    "io.trino.server.TrinoServer": "trino",
    "io.prestosql.server.PrestoServer": "presto",
    "com.facebook.presto.server.PrestoServer": "presto",
    "org.sonar.ce.app.CeServer": "sonarqube-ce",
    "org.sonar.server.app.WebServer": "sonarqube-web",
    "org.gradle.launcher.daemon.bootstrap.GradleDaemon": "gradle-daemon",
    "org.codehaus.plexus.classworlds.launcher.Launcher": "maven",
    "org.apache.activemq.artemis.boot.Artemis": "artemis",
    "org.keycloak.quarkus.runtime.KeycloakMain": "keycloak",
    "hudson.remoting.jnlp.Main": "jenkins-agent",
    "weblogic.NodeManager": "weblogic-nodemanager",
}

_PACKAGES: Final = (
    "server|main|app|application|bootstrap|launcher|boot|core|service|daemon|cli|starter|impl|node"
)
_NAMES: Final = (
    "Main|App|Application|Server|Bootstrap|Launcher|Starter|Start|Startup|Boot|Program|Runner|Daemon"
    "|Cli|Service|Node"
)


def _class(name: str, called: str) -> Recipe:
    pattern = rf"{_ANY}(?:\S+/)?{re.escape(name)}{END}"
    return Recipe(f"java: {called}", pattern, called, name)


def _jar(about: str, rest: str, name: str, needs: str) -> Recipe:
    return Recipe(f"java: {about}", rest, name, needs)


_HEAD, _FOLDER, _ = scripts(
    "java -jar", _JAR, rf"(?:[-_.]service|[-_.]server)?{_VERSION}(?:\.[jw]ar)?", "-jar "
)

JVM: Final = (
    _jar(
        "tomcat, in its own folder",
        rf"{_ANY}-Dcatalina\.base=\S*?/(?:apache-)?tomcat[0-9._-]*/? .*"
        r"org\.apache\.catalina\.startup\.Bootstrap .*$",
        "tomcat",
        "org.apache.catalina.startup.Bootstrap",
    ),
    _jar(
        "tomcat, by its folder",
        rf"{_ANY}-Dcatalina\.base=\S*/([^\s/]+?)/? .*org\.apache\.catalina\.startup\.Bootstrap .*$",
        "tomcat-$1",
        "org.apache.catalina.startup.Bootstrap",
    ),
    _jar(
        "websphere, by its server",
        rf"{_ANY}com\.ibm\.wsspi\.bootstrap\.WSPreLauncher .* (\S+)$",
        "websphere-$1",
        "com.ibm.wsspi.bootstrap.WSPreLauncher",
    ),
    _jar(
        "liberty, by its server",
        rf"{_JAR}\S*/ws-server\.jar (\S+){END}",
        "liberty-$1",
        "ws-server.jar",
    ),
    _jar(
        "weblogic, by its server",
        rf"{_ANY}-Dweblogic\.Name=(\S+) .*weblogic\.Server{END}",
        "weblogic-$1",
        "weblogic.Server",
    ),
    _jar(
        "wildfly, by its server",
        rf"{_ANY}-D\[Server:([^\s\]]+)\] .*jboss-modules\.jar .*$",
        "wildfly-$1",
        "jboss-modules.jar",
    ),
    _jar("wildfly", rf"{_ANY}-jar \S*jboss-modules\.jar .*$", "wildfly", "jboss-modules.jar"),
    _jar("solr", rf"{_ANY}-Dsolr\.solr\.home=.* -jar start\.jar{END}", "solr", "-Dsolr."),
    _jar("jetty", rf"{_ANY}-Djetty\.(?:home|base)=.*$", "jetty", "-Djetty."),
    _jar(
        "an agent of Jenkins",
        rf"{_JAR}(?:\S*/)?(?:agent|remoting|slave)\.jar .*-(?:jnlpUrl|url|secret|workDir) .*$",
        "jenkins-agent",
        ".jar -",
    ),
    _jar("minecraft", rf"{_JAR}(?:\S*/)?server\.jar (?:.* )?-?-?nogui$", "minecraft", "nogui"),
    *(_class(name, called) for name, called in _CLASSES.items()),
    _jar(
        "druid, by its server",
        rf"{_ANY}org\.apache\.druid\.cli\.Main server (\w+){END}",
        "druid-$1",
        "org.apache.druid.cli.Main",
    ),
    _jar(
        "a Spark job, by its class",
        rf"{_ANY}org\.apache\.spark\.deploy\.SparkSubmit (?:.* )?--class (?:\w+\.)*(\w+){END}",
        "spark-$1",
        "org.apache.spark.deploy.SparkSubmit",
    ),
    _jar(
        "a server of Hive",
        rf"{_ANY}-Dproc_(hiveserver2|metastore|hiveserver) .*$",
        "$1",
        "-Dproc_",
    ),
    _jar(
        "a jar that Hadoop runs, by its class",
        rf"{_ANY}org\.apache\.hadoop\.util\.RunJar \S+ (?:\w+\.)*(\w+){END}",
        "$1",
        "org.apache.hadoop.util.RunJar",
    ),
    _jar("a server of Hadoop", rf"{_ANY}-Dproc_(\w+) .*$", "$1", "-Dproc_"),
    _jar(
        "the service's own name",
        rf"{JAVA}{_OPTIONS}-D(?:spring\.application\.name|otel\.service\.name|dd\.service"
        rf"|elastic\.apm\.service_name|skywalking\.agent\.service_name)=(\S+){END}",
        "$1",
        "-D",
    ),
    _jar(
        "the service's name for an agent",
        rf"{JAVA}{_OPTIONS}-javaagent:\S+?[=,](?:agent\.)?service_name=([^\s,]+){END}",
        "$1",
        "service_name=",
    ),
    _HEAD,
    _FOLDER,
    Recipe(
        "java -jar: the jar without its version",
        rf"{_JAR}(?:[^\s-]\S*/)?([^\s/0-9-][^\s/]*?){_VERSION}(?:\.[jw]ar)?{END}",
        "$1",
        "-jar ",
        "path",
    ),
    Recipe(
        "java: the package of a main class with a general name",
        rf"{JAVA}{_OPTIONS}(?:[^\s/-][^\s/]*/)?(?:\w+\.)*?(\w+)(?:\.(?:{_PACKAGES}))*\.(?:{_NAMES})"
        rf"{END}",
        "$1",
        "java",
        "class",
    ),
    Recipe(
        "java: the main class",
        rf"{JAVA}{_OPTIONS}(?:[^\s/-][^\s/]*/)?(?:[\w$]+\.)*([A-Za-z_$][\w$]*){END}",
        "$1",
        "java",
        "class",
    ),
)
