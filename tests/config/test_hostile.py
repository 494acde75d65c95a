"""Texts made to harm: every one ends in an answer or an error, and soon."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proccli.config.loading import MAX_BYTES, Via, load
from proccli.config.tag_output import parse_tag_output
from proccli.config.yaml.reader import MAX_DEPTH, Loader
from proccli.errors import ConfigError, ProccliError, TagsError
from proccli.model.config import Config
from proccli.terminal.warning_text import message as words_of
from proccli.text import visible
from tests.config.measured import DATA, VIAS

LOADERS: tuple[Loader, ...] = ("libyaml", "python")


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("opening", ["[", "{", "- ", "? ", "{a: ", "[ [", "!t [", "&a ["])
def test_deep_nesting_is_refused_before_it_costs_anything(opening: str, loader: Loader) -> None:
    started = time.process_time()
    for via in VIAS:
        with pytest.raises(ConfigError, match="levels deep"):
            load(opening.encode() * 20_000, "a.yaml", via=via, loader=loader)
    assert time.process_time() - started < 5


def test_deep_indentation_is_refused() -> None:
    text = "".join(f"{' ' * depth}k:\n" for depth in range(MAX_DEPTH + 1))
    with pytest.raises(ConfigError, match="levels deep") as caught:
        load(text.encode(), "a.yaml")
    assert caught.value.at is not None
    assert caught.value.at.line == MAX_DEPTH + 1


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize(
    "text",
    [
        f"os-proc-root: '{'[' * 5000}'",
        f"os-proc-root: x{'[{' * 5000}",
        f"# {'[' * 5000}\nos-proc-root: x",
        f"os-proc-root: |\n  {'[' * 5000}\n",
        "os-proc-root: x\ny:\n" + "- [[[[]]]]\n" * 5000,
    ],
)
def test_brackets_that_nest_nothing_are_no_depth(text: str, loader: Loader) -> None:
    for via in VIAS:
        assert load(text.encode(), "a.yaml", via=via, loader=loader).proc_root


def doubling(levels: int, form: str, last: str) -> bytes:
    lines = ["a0: &a0 {k: v}\n"]
    lines += [f"a{n}: &a{n} " + form.format(f"*a{n - 1}") + "\n" for n in range(1, levels)]
    return ("".join(lines) + last.format(f"*a{levels - 1}")).encode()


@pytest.mark.parametrize("via", VIAS)
@pytest.mark.parametrize(
    ("form", "last"),
    [
        ("[{0}, {0}]", "os-proc-regex: {0}\n"),
        ("[{0}, {0}]", "os-app-tag-exec: {0}\n"),
        ("[{0}, {0}]", "os-proc-root: x\nunused: {0}\n"),
        ("{{<<: [{0}, {0}]}}", "os-proc-regex:\n- {0}\n"),
        ("{{<<: [{0}, {0}], x: {0}}}", "<<: {0}\nos-proc-root: x\n"),
    ],
)
def test_aliases_that_multiply_cost_nothing(form: str, last: str, via: Via) -> None:
    started = time.process_time()

    assert answer(doubling(100, form, last), via)
    assert time.process_time() - started < 5


@pytest.mark.parametrize("via", VIAS)
@pytest.mark.parametrize(
    "text",
    [
        "os-proc-regex: &a [*a]\n",
        "os-proc-regex:\n- &a {match-regex: *a}\n",
        "os-proc-regex:\n- &a {<<: *a}\n",
        "os-proc-regex:\n- &a {<<: [*a, *a]}\n",
        "&a ? *a\n: x\n",
        "os-app-tag-exec: &a [*a]\n",
        "static_config: &a {static_config: *a, os-proc-root: *a}\n",
    ],
)
def test_what_contains_itself_ends(text: str, via: Via) -> None:
    found = answer(text.encode(), via)

    assert isinstance(found, ConfigError) or len(found.rules) <= 1


LONG = {
    "rules": "os-proc-regex:\n" + "- {match-regex: a}\n" * 10_000,
    "one line": '{"os-proc-regex":[' + '{"match-regex":"a"},' * 9_000 + "{}]}",
    "one pattern": f"x: &x {{match-regex: {'(a|b)' * 2000}}}\nos-proc-regex:\n" + "- *x\n" * 20_000,
    "bad patterns": "os-proc-regex:\n" + "- {match-regex: '('}\n" * 5_000,
    "keys": "".join(f"os-proc-{n}: x\n" for n in range(10_000)),
    "spaces": "os-proc-root:" + " " * (MAX_BYTES - 100) + "x",
    "lines": "os-proc-root: x" + "\n" * (MAX_BYTES - 100),
    "word": "os-proc-root: " + "a " * 400_000,
    "digits": "os-proc-socket-min-lifetime: " + "1" * 500_000,
    "zeros": "os-proc-socket-min-lifetime: 0x" + "0" * 500_000,
    "private": "os-proc-root: \x85" + "".join(map(chr, range(0xE000, 0xF900))),
}


@pytest.mark.parametrize("via", VIAS)
@pytest.mark.parametrize("name", LONG)
def test_long_texts_take_time_in_proportion(name: str, via: Via) -> None:
    started = time.process_time()
    found = answer(LONG[name].encode(), via)

    assert isinstance(found, Config) or len(str(found)) < 1000
    assert time.process_time() - started < 10


PIECES = st.sampled_from(
    [
        *"ab \n\t:-?,[]{}&*!|>'\"%@`#~\\\r\0\x85\u2028\ufeff\x01\x7f😀é",
        *("\n  ", "\n- ", ": ", "- ", " #", "<<: ", "&a ", "*a", "!!int ", "!!binary ", "---\n"),
        *("static_config:\n", "os-proc-regex:\n", "os-proc-root: ", "match-regex: ", "inputs:"),
        *("os-proc-socket-min-lifetime: ", "os-app-tag-exec: ", "action: drop", "0x1F", "1_0", "~"),
    ]
)


def answer(
    data: bytes, via: Via, loader: Loader = "libyaml", agent: str | None = None
) -> Config | ConfigError:
    """A configuration, or an error with its place, in one line that a terminal can take."""
    try:
        config = load(data, "a.yaml", agent=agent, via=via, loader=loader)
    except ConfigError as error:
        assert_fit_for_people(error)
        return error
    for note in config.notes:
        assert visible(words_of(note)) == words_of(note)
    return config


def assert_fit_for_people(error: ProccliError) -> None:
    assert error.at is not None
    assert visible(str(error)) == str(error)


@settings(max_examples=300)
@given(st.lists(PIECES, max_size=25).map("".join), st.sampled_from(VIAS), st.sampled_from(LOADERS))
def test_any_text_is_a_configuration_or_an_error(text: str, via: Via, loader: Loader) -> None:
    found = answer(text.encode(), via, loader)

    if isinstance(found, Config):
        assert 0 <= found.min_lifetime_s < 2**32
        assert [rule.index for rule in found.rules] == list(range(1, len(found.rules) + 1))


INPUTS = st.sampled_from(
    [
        *"ab \n:-?,[]{}&*!|>'\"%@#~\\\0\ufeff\x01é",
        *("\n  ", "\n    - ", ": ", "<<: ", "&a ", "*a", "!!int ", "!x ", "!!binary ", "---\n"),
        *("inputs:\n  proc:\n    ", "process_matcher:\n    - ", "match_regex: ", "enabled: true\n"),
        *(
            "min_lifetime: ",
            "socket_info_sync_interval: 0",
            "10s",
            "match_type: {}",
            "static_config:",
        ),
    ]
)
AGENTS = (None, "6.6.6", "6.6.8", "6.6.9", "7.0.2", "7.0.9", "main")


@settings(max_examples=300)
@given(
    st.lists(INPUTS, max_size=25).map("".join),
    st.sampled_from(VIAS),
    st.sampled_from(LOADERS),
    st.sampled_from(AGENTS),
)
def test_any_text_of_inputs_is_a_configuration_or_an_error(
    text: str, via: Via, loader: Loader, agent: str | None
) -> None:
    found = answer(f"inputs:\n  proc:\n    {text}".encode(), via, loader, agent)

    if isinstance(found, Config):
        assert 0 <= found.min_lifetime_s < 2**32


@settings(max_examples=150)
@given(st.binary(max_size=60), st.sampled_from(VIAS), st.sampled_from(LOADERS))
def test_any_bytes_are_a_configuration_or_an_error(data: bytes, via: Via, loader: Loader) -> None:
    assert answer(data, via, loader)


@settings(max_examples=150)
@given(st.data())
def test_a_damaged_file_is_a_configuration_or_an_error(data: st.DataObject) -> None:
    text = (DATA / "vendor-block.yaml").read_bytes()
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 20)))
    damaged = text[:start] + data.draw(st.binary(max_size=5)) + text[end:]
    for via in VIAS:
        assert answer(damaged, via)


@settings(max_examples=150)
@given(st.one_of(st.binary(max_size=60), st.lists(PIECES, max_size=20).map("".join)))
def test_any_output_of_the_tag_command_is_tags_or_an_error(output: str | bytes) -> None:
    try:
        parse_tag_output(output if isinstance(output, bytes) else output.encode(), "tags")
    except TagsError as error:
        assert_fit_for_people(error)
