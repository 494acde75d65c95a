"""What records of DeepFlow tell of."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.model.flows import AutoInstanceKind
from proccli.model.sockets import Endpoint
from proccli.terminal.warning_text import message as words_of
from proccli.traffic.flows.fields import parse_fields
from proccli.traffic.flows.values import read_address, read_port, read_protocol
from tests.traffic.flows.labelling import flow_of, label

BASE = {"ip_0": "10.0.0.5", "client_port": 1, "ip_1": "10.0.0.9", "server_port": 2}


@pytest.mark.parametrize(
    ("value", "protocol"),
    [
        (6, "tcp"),
        ("6", "tcp"),
        ("tcp", "tcp"),
        ("TCP", "tcp"),
        (" Tcp ", "tcp"),
        (17, "udp"),
        ("17", "udp"),
        ("Udp", "udp"),
        (1, None),
        ("icmp", None),
        ("", None),
        (None, None),
        (True, None),
        (6.5, None),
        ([6], None),
        ({"a": 6}, None),
    ],
)
def test_protocols_are_numbers_or_words(value: object, protocol: str | None) -> None:
    assert read_protocol(value) == protocol
    assert flow_of({**BASE, "protocol": value}).protocol == protocol
    assert flow_of({**BASE, "Enum(protocol)": value}).protocol == protocol


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("10.0.0.5", "10.0.0.5"),
        (" 10.0.0.5\t", "10.0.0.5"),
        ("::ffff:10.0.0.5", "10.0.0.5"),
        ("::FFFF:a00:5", "10.0.0.5"),
        ("2001:DB8:0:0:0::5", "2001:db8::5"),
        ("fe80::1%eth0", "fe80::1"),
        ("::", "::"),
        ("010.0.0.5", None),
        ("10.0.0", None),
        ("10.0.0.5:80", None),
        ("10.0.0.0/8", None),
        ("[::1]", None),
        ("localhost", None),
        ("1" * 10_000, None),
        ("١.٢.٣.٤", None),
        ("", None),
        (167772165, None),
        (None, None),
        (["10.0.0.5"], None),
    ],
)
def test_addresses_are_written_in_one_way(written: object, read: str | None) -> None:
    assert read_address(written) == read


@given(st.ip_addresses())
def test_every_address_is_read(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None

    assert read_address(str(address)) == str(mapped or address)
    assert read_address(address.exploded.upper()) == str(mapped or address)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (0, 0),
        (65535, 65535),
        (65536, None),
        (-1, None),
        ("443", 443),
        (" 443 ", 443),
        ("443.0", 443),
        (443.0, 443),
        (443.5, None),
        ("443.5", None),
        ("0x1f", None),
        ("4_4", None),
        ("+1", None),
        ("1e2", None),
        ("٤", None),
        ("9" * 10_000, None),
        (10**400, None),
        (float("nan"), None),
        (float("inf"), None),
        (True, None),
        (None, None),
        ([1], None),
    ],
)
def test_ports_are_whole_numbers_of_16_bits(written: object, read: int | None) -> None:
    assert read_port(written) == read


@pytest.mark.parametrize(
    "data",
    [
        b'{"ip_0":"10.0.0.5","client_port":1,"ip_1":"10.0.0.9","server_port":2}\n',
        b"ip_0,client_port,ip_1,server_port\n10.0.0.5,1,10.0.0.9,2\n",
        b"#fields\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\n10.0.0.5\t1\t10.0.0.9\t2\n",
    ],
)
def test_a_missing_protocol_is_a_warning(data: bytes) -> None:
    ran = label(data)

    assert ran.codes == ["flows-no-protocol"]
    assert words_of(ran.notes[0]).endswith(": name the field with --fields protocol=NAME")
    assert "no protocol column among '" in words_of(ran.notes[0])


def test_a_protocol_in_some_records_is_enough() -> None:
    without = b'{"ip_0":"10.0.0.5","client_port":1,"ip_1":"10.0.0.9","server_port":2}\n'

    assert label(without + without[:-2] + b',"protocol":6}\n').notes == ()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({}, None),
        ({"ip_0": None}, "no ip_0"),
        ({"ip_0": ""}, "no ip_0"),
        ({"ip_1": "x"}, "unreadable ip_1"),
        ({"ip_1": 5}, "unreadable ip_1"),
        ({"client_port": None}, "no port_0"),
        ({"server_port": ""}, "no port_1"),
        ({"server_port": "http"}, "unreadable port_1"),
        ({"client_port": 70000, "ip_1": None}, "unreadable port_0"),
    ],
)
def test_what_is_missing_is_the_flows_problem(change: dict[str, Any], problem: str | None) -> None:
    flow = flow_of({**BASE, **change})

    assert flow.problem == problem
    assert (flow.side_0 is None or flow.side_1 is None) == (problem is not None)


@pytest.mark.parametrize(
    ("columns", "ip"),
    [
        ({"ip4_0": "10.0.0.5", "ip6_0": "::", "is_ipv4": 1}, "10.0.0.5"),
        ({"ip4_0": "10.0.0.5", "ip6_0": "::", "is_ipv4": "true"}, "10.0.0.5"),
        ({"ip4_0": "0.0.0.0", "ip6_0": "2001:db8::5", "is_ipv4": 0}, "2001:db8::5"),
        ({"ip4_0": "0.0.0.0", "ip6_0": "2001:db8::5", "is_ipv4": False}, "2001:db8::5"),
        ({"ip4_0": "0.0.0.0", "ip6_0": "::1", "Enum(is_ipv4)": "IPv6"}, "::1"),
        ({"ip4_0": "0.0.0.0", "ip6_0": "2001:db8::5"}, "2001:db8::5"),
        ({"ip4_0": "10.0.0.5", "ip6_0": "::"}, "10.0.0.5"),
        ({"ip4_0": "10.0.0.5"}, "10.0.0.5"),
        ({"ip6_0": "::1"}, "::1"),
        ({"ip4_0": "", "ip6_0": "::1"}, "::1"),
        ({"ip_0": "10.0.0.1", "ip4_0": "10.0.0.5", "is_ipv4": 1}, "10.0.0.1"),
        ({"ip_0": "", "ip4_0": "10.0.0.5", "is_ipv4": 1}, "10.0.0.5"),
    ],
)
def test_the_address_is_in_the_column_that_is_used(columns: dict[str, Any], ip: str) -> None:
    side = flow_of({"client_port": 1, "ip_1": "10.0.0.9", "server_port": 2, **columns}).side_0

    assert side == Endpoint(ip, 1)


@pytest.mark.parametrize(
    ("columns", "instance"),
    [
        ({}, "none"),
        ({"auto_instance_type_0": 10}, "pod"),
        ({"auto_instance_type_0": "10"}, "pod"),
        ({"auto_instance_type_0": 10.0}, "pod"),
        ({"auto_instance_type_0": "10.0"}, "pod"),
        ({"auto_instance_type_0": "Pod"}, "pod"),
        ({"Enum(auto_instance_type_0)": "K8s POD"}, "pod"),
        ({"Enum(auto_instance_type_0)": "容器 POD"}, "pod"),
        ({"resource_gl0_type_0": 10}, "pod"),
        ({"auto_instance_type_0": 255, "pod_id_0": 12}, "pod"),
        ({"pod_id_0": "12"}, "pod"),
        ({"pod_0": "shop-7f"}, "pod"),
        ({"auto_instance_type_0": 255, "pod_id_0": 0, "pod_0": ""}, "other"),
        ({"auto_instance_type_0": 14, "pod_id_0": "0", "pod_0": "0"}, "other"),
        ({"auto_instance_type_0": 0}, "other"),
        ({"auto_instance_type_0": 120}, "other"),
        ({"auto_instance_type_0": "VM Hypervisor"}, "other"),
        ({"auto_instance_0": "node-1"}, "other"),
        ({"auto_instance_id_0": 7}, "other"),
        ({"resource_gl0_0": "node-1"}, "other"),
        ({"auto_instance_0": "", "auto_instance_id_0": 0, "auto_instance_type_0": None}, "none"),
        ({"pod_id_0": "0.0", "pod_0": None}, "none"),
        ({"pod_1": "pg-0", "auto_instance_type_1": 10}, "none"),
    ],
)
def test_a_pod_has_precedence(columns: dict[str, Any], instance: AutoInstanceKind) -> None:
    assert flow_of({**BASE, **columns}).instance_0 == instance


def test_both_sides_have_their_own_instance() -> None:
    flow = flow_of({**BASE, "pod_1": "pg-0", "auto_instance_type_0": 255})

    assert (flow.instance_0, flow.instance_1) == ("other", "pod")


@pytest.mark.parametrize(
    ("columns", "start_s", "end_s"),
    [
        (
            {"start_time": 1709746801214356, "end_time": 1709746859999999},
            1709746801.214356,
            1709746859.999999,
        ),
        ({"start_time": 1709746801214356, "time": 1709746860}, 1709746801.214356, 1709746860.0),
        ({"time": 1709746860, "end_time": 1709746859999999}, None, 1709746859.999999),
        ({"time": "2024-03-06T17:41:00Z"}, None, 1709746860.0),
        # DeepFlow's duration is in microseconds, and its end is always there.
        ({"start_time": 1709746801214356, "duration": 5}, 1709746801.214356, None),
        ({"ts": 1709746860}, None, None),
    ],
)
def test_times_are_those_of_the_flow(
    columns: dict[str, Any], start_s: float | None, end_s: float | None
) -> None:
    flow = flow_of({**BASE, **columns})

    assert (flow.start_s, flow.end_s) == (start_s, end_s)


@pytest.mark.parametrize(
    ("columns", "host"),
    [
        ({"agent": "web-1-P3"}, "web-1-P3"),
        ({"vtap": "web-1"}, "web-1"),
        ({"agent": "new", "vtap": "old"}, "new"),
        ({"agent": ""}, None),
        ({"agent": None}, None),
        # A number is nobody's name.
        ({"agent_id": 3, "vtap_id": 3}, None),
    ],
)
def test_the_host_is_the_agents_name(columns: dict[str, Any], host: str | None) -> None:
    assert flow_of({**BASE, **columns}).host == host


def test_a_number_is_a_host_if_the_user_maps_it() -> None:
    assert flow_of({**BASE, "agent_id": 3}, parse_fields("host=agent_id")).host == "3"


def test_ports_of_our_own_sync_are_known() -> None:
    flow = flow_of({"ip_0": "10.0.0.5", "port_0": 1, "ip_1": "10.0.0.9", "port_1": 2})

    assert (flow.side_0, flow.side_1) == (Endpoint("10.0.0.5", 1), Endpoint("10.0.0.9", 2))


def test_a_known_time_is_not_used_beside_one_that_the_user_names() -> None:
    flow = flow_of(
        {**BASE, "t": 1709746801, "end_time": 1, "time": 2, "duration": 3}, parse_fields("start=t")
    )

    assert (flow.start_s, flow.end_s) == (1709746801.0, None)


@pytest.mark.parametrize("duration", [None, -1, "x", 1e300, float("inf"), [1]])
def test_an_invalid_duration_gives_no_end(duration: object) -> None:
    zeek = {"id.orig_h": "10.0.0.5", "ts": 1709746801.5, "duration": duration}

    assert flow_of(zeek).end_s is None
    assert flow_of(zeek).start_s == 1709746801.5


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10)
NAMES = [
    "ip_0", "ip4_0", "ip6_0", "is_ipv4", "client_port", "server_port", "protocol", "start_time",
    "time", "agent", "auto_instance_0", "auto_instance_type_1", "pod_0", "pod_id_0", "id.orig_h",
    "id", "ts", "duration",
]  # fmt: skip


@given(
    st.dictionaries(st.sampled_from(NAMES), SCALARS | st.lists(SCALARS) | st.just({"orig_h": 1}))
)
def test_any_record_is_a_flow_or_has_a_problem(record: dict[str, Any]) -> None:
    flow = flow_of(record)

    assert (flow.problem is None) == (flow.side_0 is not None and flow.side_1 is not None)
