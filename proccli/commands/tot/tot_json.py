"""TOT options as JSON."""

from __future__ import annotations

from collections.abc import Iterable

from proccli.commands.tot.tot import TotResult, TotSummary
from proccli.commands.tot.tot_words import flag_names, moment
from proccli.commands.tot.totrows import TotRow
from proccli.model.sockets import Endpoint
from proccli.terminal.document import document, lines, warnings_json
from proccli.terminal.record import Json


def tot_document(result: TotResult) -> bytes:
    """The document `proccli/tot/v1`; the summary counts all, chosen or not."""
    return document(
        "tot",
        {
            "options": [_option_json(row) for row in result.rows],
            "summary": _summary_json(result.summary),
            "warnings": warnings_json(result.notes),
        },
    )


def tot_lines(rows: Iterable[TotRow]) -> bytes:
    """A line for each option."""
    return lines(_option_json(row) for row in rows)


def _option_json(row: TotRow) -> Json:
    seen, option = row.seen, row.seen.option
    return {
        "time": moment(seen.time_s),
        "src": _end_json(seen.source),
        "dst": _end_json(seen.destination),
        "flags": flag_names(seen.flags),
        "packet_seq": seen.seq,
        "version": option.version,
        "pid": option.pid,
        "address": option.address,
        "seq": option.seq,
        "agent_id": option.agent_id,
        "ambiguous": option.ambiguous,
        "translated": seen.translated,
        "capture": row.capture,
        "count": row.count,
        "last_time": moment(row.last_s),
    }


def _end_json(end: Endpoint) -> Json:
    return {"ip": end.ip, "port": end.port}


def _summary_json(summary: TotSummary) -> Json:
    return {
        "packets": summary.packets,
        "tcp": summary.tcp,
        "syns": summary.syns,
        "with_option": summary.with_option,
        "options": summary.options,
        "v1": summary.versions[1],
        "v2": summary.versions[2],
        "kernel": summary.kernel,
        "syn_ack": summary.syn_ack,
        "translated": summary.translated,
        "ambiguous": summary.ambiguous,
        "other_253": summary.other_253,
        "decapsulated": summary.decapsulated,
        "fragments": summary.fragments,
        "first_time": moment(summary.first_s),
        "last_time": moment(summary.last_s),
        "unreadable": {
            "cut": summary.cut,
            "malformed": summary.malformed,
            "encapsulated": summary.encapsulated,
            "link_type": summary.link_type,
        },
    }
