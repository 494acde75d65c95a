"""The texts of a process, as Rust's path rules and the agent's reader have them."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from proccli.agent.process import (
    AgentProcess,
    AncestorSearch,
    Subject,
    Texts,
    agent_process,
    ancestors_of,
    file_name,
    parse_cmdline,
)
from proccli.model.process import FieldError
from proccli.versions import behaviour_of
from tests.build import Machine, config, host, process
from tests.steps import growth


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("nginx", "nginx"),
        ("/usr/bin/foo", "foo"),
        ("/usr/bin/foo/", "foo"),
        ("/usr/bin/foo//", "foo"),
        ("/usr/bin/foo/.", "foo"),
        ("/usr/bin/foo/./", "foo"),
        ("-bash", "-bash"),
        ("./x", "x"),
        ("a/ ", " "),
        ("...", "..."),
        ("/", None),
        ("//", None),
        ("/.", None),
        (".", None),
        ("./", None),
        ("..", None),
        ("x/..", None),
        ("x/../", None),
        ("../y", "y"),
        ("", None),
        ("nginx: worker process", "nginx: worker process"),
        ("nginx: master process /usr/sbin/nginx -g daemon off;", "nginx -g daemon off;"),
        ("php-fpm: master process (/etc/php/7.4/fpm/php-fpm.conf)", "php-fpm.conf)"),
        ("sshd: root@pts/0", "0"),
    ],
)
def test_file_name_follows_rusts_path_rules(path: str, name: str | None) -> None:
    assert file_name(path) == name


def seen(cmdline: bytes, *masked_spans: tuple[int, int]) -> tuple[Subject, Subject]:
    found = parse_cmdline(cmdline, masked_spans)
    assert isinstance(found, Texts)
    return found.process_name, found.cmdline


def test_empty_pieces_vanish_wherever_they_stand() -> None:
    name, cmdline = seen(b"\0python3\0\0app.py\0\0\0")

    assert name.text == "python3"
    assert cmdline.text == "python3 app.py"


def test_the_next_argument_takes_the_place_of_an_empty_first_one() -> None:
    name, _ = seen(b"\x0030\0")

    assert name.text == "30"


@pytest.mark.parametrize("cmdline", [b"", b"\0", b"\0\0\0"])
def test_nothing_to_see_is_no_cmdline(cmdline: bytes) -> None:
    assert parse_cmdline(cmdline) == "no-cmdline"


@pytest.mark.parametrize("bad", [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"])
def test_one_bad_byte_anywhere_hides_the_process(bad: bytes) -> None:
    assert parse_cmdline(b"good\0arg\0" + bad + b"\0") == "cmdline-not-utf8"


def test_a_character_split_by_a_nul_is_not_utf8() -> None:
    assert parse_cmdline("é".encode()[:1] + b"\0" + "é".encode()[1:]) == "cmdline-not-utf8"


def test_a_first_piece_without_a_file_name_has_no_name() -> None:
    assert parse_cmdline(b"/usr/..\0-x\0") == "no-name"


def test_other_whitespace_and_controls_stay_in_the_text() -> None:
    _, cmdline = seen("a\tb\0c\nd\0\x1b[31mé😀\0".encode())

    assert cmdline.text == "a\tb c\nd \x1b[31mé😀"


def test_holes_are_counted_in_characters_of_the_joined_text() -> None:
    raw = "é\0--password=***\0z\0".encode()
    start = raw.index(b"***")

    name, cmdline = seen(raw, (start, start + 3))

    assert name == Subject("é")
    assert cmdline == Subject("é --password=*** z", ((13, 16),))


def test_a_hole_before_the_name_may_have_held_its_slash() -> None:
    name, _ = seen(b"/opt/***-tool\0", (5, 8))

    assert name == Subject("***-tool", ((0, 3),))


def test_a_hole_in_a_directory_leaves_the_name_alone() -> None:
    name, _ = seen(b"/opt/***/tool\0", (5, 8))

    assert name == Subject("tool")


def test_a_four_megabyte_command_line_is_read_whole() -> None:
    _, cmdline = seen(b"java\0" + b"x" * 4_000_000 + b"\0")

    assert len(cmdline.text) == 4_000_005


def test_a_masked_span_over_several_arguments_masks_its_part_of_each() -> None:
    _, cmdline = seen(b"ab\0cd\0\0ef\0", (1, 4), (7, 8))

    assert cmdline == Subject("ab cd ef", ((1, 2), (3, 4), (6, 7)))


def test_a_masked_span_inside_a_character_masks_the_character() -> None:
    raw = "xé😀y".encode()

    assert seen(raw, (2, 4))[1] == Subject("xé😀y", ((1, 3),))


@given(st.text("aé€😀\0", max_size=20), st.data())
def test_masked_spans_are_those_of_the_characters(text: str, data: st.DataObject) -> None:
    """Each character of the text knows whether it is masked."""
    assume(text.strip("\0"))
    masked = data.draw(st.lists(st.booleans(), min_size=len(text), max_size=len(text)))
    spans = []
    start = 0
    for character, hidden in zip(text, masked, strict=True):
        end = start + len(character.encode())
        if hidden:
            spans.append((start, end))
        start = end
    found = parse_cmdline(text.encode(), spans)
    assert isinstance(found, Texts)

    subject = found.cmdline
    spans_text = [subject.text[left:right] for left, right in subject.masked_spans]
    expected = [c for c, hidden in zip(text, masked, strict=True) if hidden and c != "\0"]
    assert list("".join(spans_text)) == expected


@pytest.mark.parametrize("separator", [b"\0", b" "])
def test_masked_spans_and_arguments_are_walked_side_by_side(separator: bytes) -> None:
    def parse(count: int) -> None:
        argument = b"pw=***" + separator
        size = len(argument)
        spans = [(size * n + 3, size * n + 6) for n in range(count)]
        assert isinstance(parse_cmdline(argument * count, spans), Texts)

    assert growth(parse, 500) < 2.5


# ---- ancestors ------------------------------------------------------------------------------


@given(st.data())
def test_the_nearest_ancestor_is_that_of_a_walk_for_each(data: st.DataObject) -> None:
    """Whatever the family, circles included, and in whatever order it is asked about."""
    count = data.draw(st.integers(1, 7))
    at = host(privileged=False, sees_all=data.draw(st.booleans()))
    refused = FieldError(field="cmdline", problem="denied", detail="EACCES")
    members = {}
    for pid in range(1, count + 1):
        name = data.draw(st.sampled_from(["no", "yes", "masked", "hidden", ""]))
        made = process(pid, *[name] * bool(name), ppid=data.draw(st.integers(0, count + 1)))
        if name == "hidden":
            made = made._replace(cmdline=None, errors=(refused,))
        members[pid] = agent_process(made, at, behaviour_of("6.5", "static_config"))
    search = AncestorSearch(members.get, at)
    for pid in data.draw(st.permutations(range(1, count + 1))):
        walked = ancestors_of(members[pid].process, members.get, at)
        passed = [(one, _passes(one)) for one in walked.processes]
        found = search.nearest(members[pid].process, "test", _passes)
        assert found.match == next((one for one, result in passed if result), None)
        if found.match is None:
            assert found.undecided == any(result is None for _, result in passed)
            assert found.complete == walked.complete


def _passes(one: AgentProcess) -> bool | None:
    assert one.texts is not None
    return {"yes": True, "masked": None}.get(one.texts.process_name.text, False)


@pytest.mark.parametrize("closed", [False, True])
def test_a_rule_on_ancestors_costs_the_length_of_a_chain(closed: bool) -> None:
    def decide_all(length: int) -> None:
        chain = [process(pid, "x", ppid=pid - 1) for pid in range(1, length + 1)]
        if closed:
            chain[0] = process(1, "x", ppid=length)
        machine = Machine(chain, config(("nginx", "parent_process_name", "drop")))
        for pid in range(length, 0, -1):
            assert machine.outcome(pid).status == "accepted"

    assert growth(decide_all, 60) < 2.5
