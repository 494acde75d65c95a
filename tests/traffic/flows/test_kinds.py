"""The records of other programs, under the names that these write.

`samples/nfdump.csv` and `nfdump.jsonl` are output of nfdump 1.7.1 on a capture of a real
connection; the others are of the form that their documentation shows.
"""

from __future__ import annotations

import pytest

from proccli.errors import FlowsError
from proccli.model.flows import SideLabel
from proccli.model.sockets import Endpoint
from proccli.traffic.flows.fields import parse_fields
from tests.traffic.flows.labelling import NOBODY, SAMPLES, SHOP, label

CLIENT, SERVER = Endpoint("10.0.0.5", 41000), Endpoint("192.0.2.9", 8080)
START_S = 1_795_783_370


@pytest.mark.parametrize(
    ("name", "zone", "start_s", "end_s"),
    [
        ("nfdump.csv", "zone=UTC", 0, 0),
        ("nfdump.jsonl", "zone=UTC", 0.305, 0.325),
        ("eve.jsonl", None, 0.305, 0.325),
        ("vpc.log", None, 0, 1),
        ("google-vpc.jsonl", None, 0.305, 0.325),
    ],
)
def test_the_first_record(name: str, zone: str | None, start_s: float, end_s: float) -> None:
    fields = parse_fields(zone) if zone else parse_fields("zone=Asia/Shanghai")
    flow = label((SAMPLES / name).read_bytes(), fields=fields).flows[0]

    assert (flow.side_0, flow.side_1, flow.protocol) == (CLIENT, SERVER, "tcp")
    assert flow.start_s == pytest.approx(START_S + start_s)
    assert flow.end_s == pytest.approx(START_S + end_s)


def test_an_event_without_a_flow_has_its_own_time() -> None:
    """Suricata's http, dns and other events; `stats` has no addresses."""
    _, http, stats = label((SAMPLES / "eve.jsonl").read_bytes()).flows

    assert http.start_s == pytest.approx(START_S + 0.31)
    assert http.end_s is None
    assert stats.problem is not None


def test_the_other_direction_is_a_record_of_its_own() -> None:
    for name in ("nfdump.csv", "vpc.log"):
        second = label((SAMPLES / name).read_bytes()).flows[1]
        assert (second.side_0, second.side_1) == (SERVER, CLIENT)


def test_what_follows_a_table_stays_as_it_is() -> None:
    """nfdump ends its CSV with a summary."""
    data = (SAMPLES / "nfdump.csv").read_bytes()
    ran = label(data, fields=parse_fields("zone=UTC"))

    assert ran.out.endswith(data[data.index(b"Summary") :])
    assert ran.codes == ["flows-cells"]


def test_a_table_with_blanks_gets_columns() -> None:
    out = label((SAMPLES / "vpc.log").read_bytes()).out.decode().splitlines()
    header, first, *_, without = (line.split() for line in out)

    row = dict(zip(header, first, strict=True))
    assert row["srcaddr"] == "10.0.0.5"
    assert (row["gprocess_0"], row["gprocess_1"]) == ("shop", "-")
    assert (row["os.app.team_0"], row["label_1"]) == (r"blue,\x20or\x20green", "no-socket")
    assert out[1].startswith("2 123456789010 eni-1235b8ca123456789 10.0.0.5 192.0.2.9 41000 8080")
    assert len(without) == len(header)


def test_blanks_before_and_between_columns_stay() -> None:
    data = b"  srcaddr    srcport  dstaddr \t dstport\r\n10.0.0.5  41000   192.0.2.9\t8080  \r\n\n"
    ran = label(data, keys=())

    assert (ran.flows[0].side_0, ran.flows[0].side_1) == (CLIENT, SERVER)
    assert ran.out.splitlines(keepends=True)[1].startswith(b"10.0.0.5  41000   192.0.2.9\t8080  ")
    assert ran.out.endswith(b"\r\n\n")


@pytest.mark.parametrize(
    ("name", "written"),
    [("-", r"\x2d"), ("a b", r"a\x20b"), ("a\\b", r"a\x5cb"), ("a\x1bb", r"a\x1bb"), ("", "-")],
)
def test_a_value_is_one_cell(name: str, written: str) -> None:
    data = b"srcaddr srcport dstaddr dstport\n10.0.0.5 41000 192.0.2.9 8080\n"
    side = SideLabel(label="socket", gprocess=name, auto_instance=name)
    out = label(data, sides=(side, NOBODY), keys=()).out.decode().splitlines()

    header, row = out[0].split(), out[1].split(" ")
    assert dict(zip(header, row, strict=True))["gprocess_0"] == written


def test_a_key_with_a_blank_is_one_column() -> None:
    data = b"srcaddr srcport dstaddr dstport\n10.0.0.5 41000 192.0.2.9 8080\n"
    out = label(data, keys=("a b",)).out.decode().splitlines()

    assert r"os.app.a\x20b_0" in out[0].split()
    assert len(out[0].split()) == len(out[1].split())


def test_columns_that_are_there_are_replaced() -> None:
    data = b"srcaddr srcport dstaddr dstport label_0\n10.0.0.5 41000 192.0.2.9 8080 old\n"
    out = label(data, sides=(SHOP, NOBODY), keys=()).out.decode().splitlines()

    assert dict(zip(out[0].split(), out[1].split(), strict=True))["label_0"] == "socket"


def test_a_sentence_is_no_header() -> None:
    with pytest.raises(FlowsError, match="unknown format"):
        label(b"the src and the dst of a flow\n10.0.0.5 41000 192.0.2.9 8080\n")


def test_deepflows_names_come_first() -> None:
    data = b'{"ip_0":"10.0.0.5","client_port":41000,"ip_1":"192.0.2.9","server_port":8080,"sa":"x"}'
    assert label(data).flows[0].side_0 == CLIENT
