"""The output for the shop, and the files that contain it: `make goldens` updates them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from proccli.commands.doctor.output import doctor_document, doctor_lines, doctor_text
from proccli.commands.explain.json import explain_document, explain_lines, explain_plain
from proccli.commands.explain.text import explain_text
from proccli.commands.scan.gprocesses_json import identity_document, identity_lines
from proccli.commands.scan.json import scan_document, scan_lines
from proccli.commands.scan.selection import Selection
from proccli.commands.scan.text import scan_table
from proccli.commands.sockets.output import sockets_document, sockets_lines, sockets_table
from proccli.commands.sockets.sockets import SocketSelection
from proccli.commands.topology.diagrams import topology_dot, topology_mermaid
from proccli.commands.topology.drawing.svg import topology_svg
from proccli.commands.topology.json import topology_document, topology_lines
from proccli.commands.topology.table import topology_table
from proccli.commands.tot.output import tot_document, tot_lines, tot_table
from proccli.sources.made_up import MadeUp
from proccli.terminal.document import OfHost
from proccli.terminal.view import ASCII, View
from tests.build import config
from tests.commands.doctor.machines import doctored, well
from tests.commands.explain.traced import WEB, traced
from tests.commands.scan.identities import identified, workers
from tests.commands.shop import EVERY_PID, explained, made_up, rules, scanned
from tests.commands.sockets.connections import ALL, connections, switched_off
from tests.commands.topology.edges import every_kind, hostile, small
from tests.paths import ROOT

FOLDER = ROOT / "tests" / "golden"
TERMINAL = View(width=80)
QUESTION = MadeUp(
    argv=("/usr/bin/python3", "/opt/shop/app.py", "--port", "80"),
    parents=("supervisord", "init"),
    user="shop",
    uptime_s=90,
)


def scan_in(view: View) -> str:
    result = scanned()
    return scan_table(result, result.outcomes, view)


def scan_selected() -> str:
    result = scanned()
    return scan_table(result, Selection(rules=(4,)).of(result.outcomes), TERMINAL)


def scan_by_default() -> str:
    result = scanned(config(file=None, sync_enabled=False))
    return scan_table(result, Selection(names=("java",)).of(result.outcomes), TERMINAL)


def scan_as_json() -> Iterator[bytes]:
    result = scanned()
    return scan_document(result, result.outcomes)


def scan_with_identity(view: View, server: str = "7.1") -> str:
    result = workers()
    return scan_table(result, result.outcomes, view, identified(result, server))


def scan_with_identity_as_json(server: str = "7.1") -> Iterator[bytes]:
    result = workers()
    return identity_document(result, result.outcomes, identified(result, server))


def scan_with_identity_as_lines() -> Iterator[bytes]:
    result = workers()
    return identity_lines(result, result.outcomes, identified(result, "7.1"))


def sockets_in(view: View, selection: SocketSelection = ALL) -> str:
    result = connections(selection)
    return sockets_table(result, selection.of(result.sockets), view)


def sockets_as_json() -> Iterator[bytes]:
    result = connections()
    return sockets_document(result, result.sockets)


def sockets_as_lines() -> Iterator[bytes]:
    result = connections()
    return sockets_lines(OfHost(result.host.name, socket) for socket in result.sockets)


def sockets_switched_off() -> str:
    result = connections(configuration=switched_off())
    return sockets_table(result, SocketSelection(pids=(900,)).of(result.sockets), TERMINAL)


GOLDENS: dict[str, Callable[[], str | bytes | Iterator[bytes]]] = {
    "scan-80.txt": lambda: scan_in(TERMINAL),
    "scan-80-colour.txt": lambda: scan_in(View(width=80, colour=True)),
    "scan-200.txt": lambda: scan_in(View(width=200)),
    "scan-40.txt": lambda: scan_in(View(width=40)),
    "scan-ascii-80.txt": lambda: scan_in(View(width=80, glyphs=ASCII)),
    "scan-piped.txt": lambda: scan_in(View()),
    "scan-selected-80.txt": scan_selected,
    "scan-defaults-80.txt": scan_by_default,
    "scan.json": scan_as_json,
    "scan.jsonl": lambda: scan_lines(scanned(), scanned().outcomes),
    "scan-identity-80.txt": lambda: scan_with_identity(TERMINAL),
    "scan-identity-80-colour.txt": lambda: scan_with_identity(View(width=80, colour=True)),
    "scan-identity-200.txt": lambda: scan_with_identity(View(width=200)),
    "scan-identity-40.txt": lambda: scan_with_identity(View(width=40)),
    "scan-identity-piped.txt": lambda: scan_with_identity(View()),
    "scan-identity-by-pid-80.txt": lambda: scan_with_identity(TERMINAL, "6.5"),
    "scan-identity.json": scan_with_identity_as_json,
    "scan-identity-by-pid.json": lambda: scan_with_identity_as_json("6.5"),
    "scan-identity.jsonl": scan_with_identity_as_lines,
    "explain-80.txt": lambda: explain_text(explained(*EVERY_PID), TERMINAL),
    "explain-80-colour.txt": lambda: explain_text(
        explained(*EVERY_PID), View(width=80, colour=True)
    ),
    "explain-200.txt": lambda: explain_text(explained(*EVERY_PID), View(width=200)),
    "explain-piped.txt": lambda: explain_text(explained(*EVERY_PID), View()),
    "explain-plain.txt": lambda: explain_plain(explained(*EVERY_PID)),
    "explain-made-up-80.txt": lambda: explain_text(made_up(QUESTION), TERMINAL),
    "explain-disabled-80.txt": lambda: explain_text(
        explained(900, configuration=config(*rules().rules, sync_enabled=False)), TERMINAL
    ),
    "explain.json": lambda: explain_document(explained(*EVERY_PID)),
    "explain.jsonl": lambda: explain_lines(explained(900, 904)),
    "sockets-80.txt": lambda: sockets_in(TERMINAL),
    "sockets-80-colour.txt": lambda: sockets_in(View(width=80, colour=True)),
    "sockets-200.txt": lambda: sockets_in(View(width=200)),
    "sockets-ascii-80.txt": lambda: sockets_in(View(width=80, glyphs=ASCII)),
    "sockets-piped.txt": lambda: sockets_in(View()),
    "sockets-listen-80.txt": lambda: sockets_in(TERMINAL, SocketSelection(listen=True)),
    "sockets-disabled-80.txt": sockets_switched_off,
    "doctor-80.txt": lambda: doctor_text(doctored(), TERMINAL),
    "doctor-80-colour.txt": lambda: doctor_text(doctored(), View(width=80, colour=True)),
    "doctor-40.txt": lambda: doctor_text(doctored(), View(width=40)),
    "doctor-200.txt": lambda: doctor_text(doctored(), View(width=200)),
    "doctor-piped.txt": lambda: doctor_text(doctored(), View()),
    "doctor-well-80.txt": lambda: doctor_text(well(), TERMINAL),
    "doctor.json": lambda: doctor_document(doctored()),
    "doctor.jsonl": lambda: doctor_lines(doctored()),
    "tot-80.txt": lambda: tot_table(traced(), TERMINAL),
    "tot-80-colour.txt": lambda: tot_table(traced(), View(width=80, colour=True)),
    "tot-40.txt": lambda: tot_table(traced(), View(width=40)),
    "tot-200.txt": lambda: tot_table(traced(), View(width=200)),
    "tot-ascii-80.txt": lambda: tot_table(traced(WEB), View(width=80, glyphs=ASCII)),
    "tot-every-limited-80.txt": lambda: tot_table(traced(unique=False, limit=4), TERMINAL),
    "tot-piped.txt": lambda: tot_table(traced(), View()),
    "tot.json": lambda: tot_document(traced(unique=False)),
    "tot-unique.json": lambda: tot_document(traced(WEB)),
    "tot.jsonl": lambda: tot_lines(traced(unique=False).rows),
    "topology-80.txt": lambda: topology_table(every_kind(), TERMINAL),
    "topology-80-colour.txt": lambda: topology_table(every_kind(), View(width=80, colour=True)),
    "topology-200.txt": lambda: topology_table(every_kind(), View(width=200)),
    "topology-40.txt": lambda: topology_table(every_kind(), View(width=40)),
    "topology-ascii-80.txt": lambda: topology_table(every_kind(), View(width=80, glyphs=ASCII)),
    "topology-piped.txt": lambda: topology_table(every_kind(), View()),
    "topology-hostile-80.txt": lambda: topology_table(hostile(), TERMINAL),
    "topology.json": lambda: b"".join(topology_document(small())),
    "topology.jsonl": lambda: b"".join(topology_lines(small().edges)),
    "topology.dot": lambda: topology_dot(every_kind()),
    "topology-hostile.dot": lambda: topology_dot(hostile()),
    "topology.mmd": lambda: topology_mermaid(every_kind()),
    "topology-hostile.mmd": lambda: topology_mermaid(hostile()),
    "topology.svg": lambda: topology_svg(every_kind()),
    "sockets.json": sockets_as_json,
    "sockets.jsonl": sockets_as_lines,
}


def content(name: str) -> bytes:
    """What the renderers make of it now."""
    made = GOLDENS[name]()
    if isinstance(made, str):
        return made.encode()
    return made if isinstance(made, bytes) else b"".join(made)


def write_all() -> None:
    """Take what is made now for what is right: read the diff before you commit it."""
    FOLDER.mkdir(exist_ok=True)
    for name in GOLDENS:
        (FOLDER / name).write_bytes(content(name))


if __name__ == "__main__":
    write_all()
