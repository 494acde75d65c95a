"""Cutting and breaking text by terminal cells, whatever it is made of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

import proccli.terminal.lines as lines_module
from proccli.terminal.lines import around, cells, head, padded, shorten, tail, wrapped
from proccli.text import visible

TEXTS = st.text(
    st.one_of(st.characters(), st.sampled_from("aé注文字🚀\u0301\ufe0f\u200d\x1b\n\t ")),
    max_size=60,
)
ROOMS = st.integers(1, 30)


@given(TEXTS, ROOMS)
def test_a_shortened_text_fits(text: str, room: int) -> None:
    assert cell_len(shorten(text, room, "…")) <= room


@given(TEXTS, ROOMS)
def test_a_text_that_fits_is_left_alone(text: str, room: int) -> None:
    if cell_len(visible(text)) <= room:
        assert shorten(text, room, "…") == visible(text)


@given(TEXTS)
def test_without_a_width_nothing_is_shortened(text: str) -> None:
    assert shorten(text, None, "…") == visible(text)


@given(TEXTS, ROOMS)
def test_heads_and_tails_fit(text: str, room: int) -> None:
    safe = visible(text)
    assert cell_len(head(safe, room)) <= room
    assert cell_len(tail(safe, room)) <= room
    assert safe.startswith(head(safe, room))
    assert safe.endswith(tail(safe, room))


@given(TEXTS, st.data(), st.integers(8, 40), st.sampled_from(["…", "..."]))
def test_a_match_is_shown_in_a_window_that_fits(
    text: str, data: st.DataObject, room: int, mark: str
) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    before, match, after = around(text, (start, end), room, mark)
    assert cell_len(before) + cell_len(match) + cell_len(after) <= room
    whole = visible(text[:start]), visible(text[start:end]), visible(text[end:])
    if sum(map(cell_len, whole)) <= room:
        assert (before, match, after) == whole


def test_a_long_text_keeps_its_ends() -> None:
    command = "java " + "-Dx=y " * 500 + "-jar /opt/pay.jar"
    assert shorten(command, 30, "…") == "java -Dx=y -Dx=…r /opt/pay.jar"


def test_four_megabytes_are_shortened_at_once() -> None:
    """Only the ends are looked at: a process can make each of its arguments this long."""
    text = "注" * 2_000_000
    assert shorten(text, 9, "…") == "注注…注注"


def test_a_match_in_the_middle_of_megabytes_is_found() -> None:
    text = "x" * 2_000_000 + "here" + "y" * 2_000_000
    assert around(text, (2_000_000, 2_000_004), 14, "…") == ("…xxxx", "here", "yyyy…")


def test_a_combining_character_does_not_sit_on_the_ellipsis() -> None:
    assert tail("abe\u0301", 1) == "e\u0301"
    assert tail("e\u0301" * 4, 2) == "e\u0301e\u0301"
    assert not tail("a\u0301bcd", 3).startswith("\u0301")


@given(st.lists(TEXTS, max_size=4), st.integers(2, 30))
def test_broken_lines_fit_and_lose_only_blanks(texts: list[str], room: int) -> None:
    line = [(visible(text), str(number)) for number, text in enumerate(texts)]
    lines = wrapped(line, room)
    assert all(cells(piece) <= room for piece in lines)
    written = "".join(text for piece in lines for text, _ in piece)
    assert written.replace(" ", "") == "".join(text for text, _ in line).replace(" ", "")


@pytest.mark.parametrize("letter", ["x", "é", "注", "e\u0301"])
def test_breaking_a_long_word_reads_it_a_fixed_number_of_times(
    letter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice the text, twice the work: a process can make one word of megabytes."""
    read = 0

    def counting(text: str) -> int:
        nonlocal read
        read += len(text)
        return cell_len(text)

    monkeypatch.setattr(lines_module, "cell_len", counting)

    def work(length: int) -> int:
        nonlocal read
        read = 0
        wrapped([(letter * length, "")], 20)
        return read

    assert work(20_000) <= 2.5 * work(10_000)


def test_a_line_is_broken_between_words() -> None:
    assert wrapped([("as the agent does", "")], 8) == [
        [("as the ", "")],
        [("agent ", "")],
        [("does", "")],
    ]


def test_a_word_that_is_too_long_is_broken_anyway() -> None:
    lines = wrapped([("a 注文注文", "")], 5)
    assert lines == [[("a 注", "")], [("文注", "")], [("文", "")]]


@pytest.mark.parametrize(("right", "expected"), [(False, "注  "), (True, "  注")])
def test_padding_counts_cells(right: bool, expected: str) -> None:
    assert "".join(text for text, _ in padded([("注", "")], 4, right=right)) == expected
