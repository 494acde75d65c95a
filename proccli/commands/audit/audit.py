"""What the agents should have sent, against what is in DeepFlow's ClickHouse."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, NamedTuple, TypeAlias

from proccli.commands.hosts.gather import Gathered
from proccli.errors import StoreError
from proccli.model.flows import int_to_ip
from proccli.model.hosts import HostProcess
from proccli.model.note import Note
from proccli.model.process import NS_PER_S
from proccli.server.join import ip_to_int, is_loopback
from proccli.server.tags import arriving_tags
from proccli.store.deepflow import (
    DELETED,
    Agent,
    DeepFlow,
    FlowKey,
    Gprocess,
    error_name,
)
from proccli.store.schema import PROTOCOLS
from proccli.text import counted
from proccli.versions import ServerVersion, StoredTables, server_version, stored_tables_of

State: TypeAlias = Literal["pass", "fail", "unknown"]
Question: TypeAlias = Literal["dictionaries", "agents", "names", "tags", "reports", "flows"]
MAX_CONNECTIONS: Final = 1_000
"""Connections whose flows are looked for."""
_AROUND_S: Final = 3_600
"""How long before and after a host was looked at its flows are looked for."""
_REPORTS_S: Final = 7 * 86_400
_IP_PROTOCOLS: Final = {"tcp": 6, "udp": 17}


class Finding(NamedTuple):
    """Something that is not as it should be."""

    kind: str
    """Such as `missing`; the words are in the output."""
    host: str | None
    subject: str
    """A name, a tag, a dictionary or a connection."""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditAnswer:
    """The answer to one question."""

    question: Question
    state: State
    checked: int
    """How many things were compared."""
    findings: tuple[Finding, ...] = ()
    reason: str | None = None
    """Why the answer is unknown: the name of an error, or what is missing."""

    @property
    def kinds(self) -> Counter[str]:
        """How many findings there are of each kind."""
        return Counter(finding.kind for finding in self.findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """All answers."""

    store: str
    server: str
    recognised: bool
    """Whether the version was recognised by the tables."""
    tables: StoredTables
    hosts: int
    answers: tuple[AuditAnswer, ...]
    notes: tuple[Note, ...]
    unread: int = 0
    """Number of sources that could not be read."""

    @property
    def failed(self) -> bool:
        """Whether anything is not as it should be."""
        return any(answer.state == "fail" for answer in self.answers)


@dataclass(slots=True)
class _Auditor:
    deepflow: DeepFlow
    expected: Gathered
    server: ServerVersion
    tables: StoredTables
    columns: Mapping[str, frozenset[str]]
    now_s: int
    agents: dict[int, list[Agent]] = field(default_factory=dict)
    """The agents of each host."""
    known: dict[int, list[Gprocess]] = field(default_factory=dict)
    """By the id of the server's host."""

    def name(self, host: int) -> str:
        return self.expected.names[host]

    def hosts(self) -> Iterator[int]:
        """Those whose agent sends something."""
        fleet = self.expected.fleet
        return (host for host in fleet.present if fleet.hosts[host].enabled)

    def dictionaries(self) -> AuditAnswer:
        """Whether the dictionaries are there and loaded, and not empty."""
        findings = []
        for one in self.deepflow.dictionaries(self.columns):
            if not one.exists:
                findings.append(Finding("no-dictionary", None, one.name))
            elif one.problem is not None:
                findings.append(Finding("not-loaded", None, one.name, one.problem))
            elif not one.rows and one.name != "os_app_tag_map":
                findings.append(Finding("empty", None, one.name))
        return _answer("dictionaries", 3, findings)

    def find_agents(self) -> AuditAnswer:
        """Which hosts have no agent, or an agent and no process."""
        by_name: dict[str, list[Agent]] = {}
        for agent in self.deepflow.agents():
            for name in {agent.chost_name, agent.name, _host_of_agent(agent.name)} - {""}:
                by_name.setdefault(name, []).append(agent)
        for gprocess in self.deepflow.gprocesses():
            self.known.setdefault(gprocess.chost_id, []).append(gprocess)
        findings = []
        hosts = list(self.hosts())
        for host in hosts:
            found = by_name.get(self.expected.fleet.hosts[host].name, [])
            self.agents[host] = found
            if not found:
                findings.append(Finding("no-agent", self.name(host), self.name(host)))
            elif self.expected_names(host) and not any(
                self.known.get(agent.chost_id) for agent in found if agent.chost_id
            ):
                name = ", ".join(sorted(agent.name for agent in found))
                findings.append(Finding("no-process", self.name(host), name))
        return _answer("agents", len(hosts), findings)

    def expected_names(self, host: int) -> dict[str, list[HostProcess]]:
        """The processes that its agent sends, by the name that the server stores."""
        found: dict[str, list[HostProcess]] = {}
        for process in self.expected.fleet.processes_of(host):
            if process.status == "accepted" and process.gprocess:
                cut = process.gprocess.encode()[: self.server.name_bytes].decode(errors="replace")
                found.setdefault(cut, []).append(process)
        return found

    def present(self, host: int) -> list[Gprocess] | None:
        """The gprocesses of a host; None: it is not known which are its."""
        chosts = {agent.chost_id for agent in self.agents.get(host, ()) if agent.chost_id}
        if not chosts:
            return None
        return [one for chost in chosts for one in self.known.get(chost, ())]

    def names(self) -> AuditAnswer:
        """Which names are missing, deleted or unexpected."""
        findings, checked = [], 0
        for host in self.hosts():
            present = self.present(host)
            if not present:
                continue
            there = {one.name for one in present}
            expected = self.expected_names(host)
            checked += len(expected)
            for name in sorted(expected):
                if name in there:
                    continue
                kind = "deleted" if name + DELETED in there else "missing"
                findings.append(Finding(kind, self.name(host), name))
            more = (name for name in there - set(expected) if not name.endswith(DELETED))
            findings += [Finding("unexpected", self.name(host), name) for name in sorted(more)]
        return _answer("names", checked, findings)

    def tags(self) -> AuditAnswer:
        """Which tags did not arrive, or with another value."""
        wanted: list[tuple[int, str, list[int], dict[str, set[str]]]] = []
        for host in self.hosts():
            for name, processes in self.expected_names(host).items():
                ids = [one.id for one in self.present(host) or () if one.name == name]
                tags: dict[str, set[str]] = {}
                for process in processes:
                    for key, value in arriving_tags(process.tags or (), self.server):
                        tags.setdefault(key, set()).add(value)
                if ids and tags:
                    wanted.append((host, name, ids, tags))
        numbers = sorted({number for _, _, ids, _ in wanted for number in ids})
        found = self.deepflow.tags(self.tables.tag_id, numbers) if numbers else {}
        findings = []
        for host, name, ids, tags in wanted:
            for key, values in sorted(tags.items()):
                there = {found[number][key] for number in ids if key in found.get(number, {})}
                if not there:
                    findings.append(
                        Finding("no-tag", self.name(host), name, f"{key}={_one(values)}")
                    )
                elif there.isdisjoint(values):
                    detail = f"{key}={_one(there)}, expected {_one(values)}"
                    findings.append(Finding("other-tag", self.name(host), name, detail))
        return _answer("tags", sum(len(tags) for *_, tags in wanted), findings)

    def reports(self) -> AuditAnswer:
        """Which agents have not reported a process for a week."""
        reports = self.deepflow.last_reports(self.now_s - _REPORTS_S, self.now_s)
        hosts = [host for host in self.hosts() if self.agents.get(host)]
        findings = [
            Finding("no-report", self.name(host), agent.name)
            for host in hosts
            for agent in self.agents[host]
            if agent.name not in reports
        ]
        # An agent reports a process as an event only when it is new: silence proves nothing.
        state: State = "unknown" if findings else "pass"
        return AuditAnswer(
            question="reports",
            state=state,
            checked=len(hosts),
            findings=tuple(findings),
            reason="events are of new processes only" if findings else None,
        )

    def flows(self) -> AuditAnswer:
        """Whether the flows of our own connections have the expected process."""
        wanted = self._connections()
        if not wanted:
            return AuditAnswer(
                question="flows", state="unknown", checked=0, reason="no connection to look for"
            )
        fleet = self.expected.fleet
        times = [fleet.hosts[host].taken_at_ns // NS_PER_S for host in fleet.present]
        found: dict[FlowKey, list[tuple[int, int, int]]] = {}
        for key, *labels in self.deepflow.labels(
            list(wanted), min(times) - _AROUND_S, max(times) + _AROUND_S
        ):
            found.setdefault(key, []).append((labels[0], labels[1], labels[2]))
        findings, compared = [], 0
        for key, sides in wanted.items():
            for side, (host, name, ids) in sides.items():
                numbers = Counter[int]()
                for client, server, flows in found.get(key, ()):
                    numbers[(client, server)[side]] += flows
                if not numbers:
                    continue
                compared += 1
                right = sum(flows for number, flows in numbers.items() if number in ids)
                wrong = {number for number in numbers if number and number not in ids}
                if wrong:
                    detail = f"{_key_text(key)}: id {min(wrong)}"
                    findings.append(Finding("other-label", self.name(host), name, detail))
                elif not right:
                    findings.append(Finding("no-label", self.name(host), name, _key_text(key)))
        if not compared:
            return AuditAnswer(
                question="flows",
                state="unknown",
                checked=0,
                reason=f"no flows of {len(wanted)} connections",
            )
        return _answer("flows", compared, findings)

    def _connections(self) -> dict[FlowKey, dict[int, tuple[int, str, set[int]]]]:
        """The connections to look for; for each side the host, the name and the right ids."""
        wanted: dict[FlowKey, dict[int, tuple[int, str, set[int]]]] = {}
        hosts = set(self.hosts())
        for connection in self.expected.fleet.joined_connections():
            if connection.remote == "ambiguous" or is_loopback(connection.sent_end.server.ip):
                continue
            sent = connection.sent_end
            sides: dict[int, tuple[int, str, set[int]]] = {}
            for side, end in enumerate((connection.client, connection.server)):
                if end is None or end.host not in hosts:
                    continue
                process = self.expected.fleet.process(end.host, end.pid)
                if process is None or not process.gprocess:
                    continue
                ids = {
                    one.id
                    for one in self.present(end.host) or ()
                    if one.name.removesuffix(DELETED) == process.gprocess
                }
                if ids:
                    sides[side] = (end.host, process.gprocess, ids)
            if sides:
                key = FlowKey(
                    _IP_PROTOCOLS[sent.protocol],
                    ip_to_int(sent.client.ip),
                    sent.client.port,
                    ip_to_int(sent.server.ip),
                    sent.server.port,
                )
                wanted[key] = sides
            if len(wanted) >= MAX_CONNECTIONS:
                break
        return wanted


def audit(
    deepflow: DeepFlow,
    expected: Gathered,
    *,
    store: str,
    server: str | None,
    now_s: int | None = None,
) -> Audit:
    """All answers, in the order in which a fault would explain the next ones.

    Raises: StoreError if nothing can be read; UsageError for an unknown version.
    """
    columns = deepflow.columns()
    recognised = deepflow.tables(columns)
    if server is not None:
        version = server_version(server)
        tables = stored_tables_of(version)
    else:
        tables = recognised or stored_tables_of(server_version(expected.server))
        version = server_version(tables.number)
    auditor = _Auditor(
        deepflow=deepflow,
        expected=expected,
        server=version,
        tables=tables,
        columns=columns,
        now_s=int(time.time()) if now_s is None else now_s,
    )
    asked: tuple[tuple[Question, Callable[[], AuditAnswer]], ...] = (
        ("dictionaries", auditor.dictionaries),
        ("agents", auditor.find_agents),
        ("names", auditor.names),
        ("tags", auditor.tags),
        ("reports", auditor.reports),
        ("flows", auditor.flows),
    )
    answers: list[AuditAnswer] = []
    for question, ask in asked:
        # Without agents, it is not known which names are whose.
        if question in ("names", "tags", "reports", "flows") and answers[1].reason is not None:
            answers.append(_unknown(question, "which agent is on which host is not known"))
            continue
        try:
            answers.append(ask())
        except StoreError as error:
            answers.append(_unknown(question, error_name(error)))
    notes = list(expected.notes)
    if not deepflow.limited:
        notes.append(Note.of("audit-unlimited"))
    if server is not None and recognised is not None and recognised != tables:
        notes.append(Note.of("audit-version", given=version.number, found=recognised.number))
    return Audit(
        store=store,
        server=version.number,
        recognised=server is None and recognised is not None,
        tables=tables,
        hosts=len(expected.fleet.present),
        answers=tuple(_of_all_sources(answer, len(expected.failures)) for answer in answers),
        notes=tuple(notes),
        unread=len(expected.failures),
    )


def _of_all_sources(answer: AuditAnswer, unread: int) -> AuditAnswer:
    """The answer if so many sources could not be read: what was found stands, the rest is open."""
    if not unread or answer.state != "pass" or answer.question == "dictionaries":
        return answer
    reason = f"{counted(unread, 'source')} could not be read, and nothing is wrong with the others"
    return replace(answer, state="unknown", reason=reason)


def _unknown(question: Question, reason: str) -> AuditAnswer:
    return AuditAnswer(question=question, state="unknown", checked=0, reason=reason)


def _answer(question: Question, checked: int, findings: Sequence[Finding]) -> AuditAnswer:
    return AuditAnswer(
        question=question,
        state="fail" if findings else "pass",
        checked=checked,
        findings=tuple(findings),
    )


def _host_of_agent(name: str) -> str:
    """`web-1` of `web-1-V3`: the server adds the kind and the number of the agent."""
    found = re.fullmatch(r"(.+)-[A-Z]\d+", name)
    return found[1] if found else name


def _one(values: set[str]) -> str:
    return " or ".join(sorted(values)[:2])


def _key_text(key: FlowKey) -> str:
    name = PROTOCOLS[0] if key.protocol == _IP_PROTOCOLS["tcp"] else PROTOCOLS[1]
    return (
        f"{name} {int_to_ip(key.client_ip)}:{key.client_port} to"
        f" {int_to_ip(key.server_ip)}:{key.server_port}"
    )
