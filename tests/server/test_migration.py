"""What a server's upgrade makes of a static_config, against what the releases wrote.

`make test` asks one release of each group that answers alike, `PROCCLI_TESTS=full` all of them.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.config.yaml.go_writer import spelled
from proccli.config.yaml.nodes import Refusal
from proccli.server.migration import migrate
from proccli.versions import CONFIG_SERVERS, config_server
from tests.paths import DATA

MEASURED = DATA / "agents" / "new" / "migrate-dev.jsonl.gz"
FULL = os.environ.get("PROCCLI_TESTS") == "full"
NEWEST = CONFIG_SERVERS["main"]
FIRST = CONFIG_SERVERS["6.6.9"]


def cases() -> Iterator[Any]:
    with gzip.open(MEASURED, "rt", encoding="utf-8") as file:
        for line in file:
            case = json.loads(line)
            yield pytest.param(case, id=case["id"])


def outcomes(text: str, server: str) -> list[dict[str, Any]]:
    behaviour = config_server(server.removesuffix("-head"))
    assert behaviour is not None
    found = migrate(text, behaviour)
    return [{one.kind: one.text if one.kind == "text" else True} for one in found]


@pytest.mark.parametrize("case", tuple(cases()))
def test_the_outcomes_are_those_of_the_release(case: Any) -> None:
    for result in case["results"]:
        for server in result["servers"] if FULL else result["servers"][:1]:
            found = outcomes(case["static_config"], server)
            assert sorted(map(json.dumps, found)) == sorted(map(json.dumps, result["outcomes"]))


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("os-proc-regex: [~]\n", ["panic"]),
        ('os-proc-regex: [{match-regex: " a\\nb"}]\n', ["error"]),
        ('os-app-tag-exec: [" x\\ny"]\n', ["error"]),
        ('os-proc-root: " a\\nb"\n', ["text"]),
        ("os-proc-sync-tagged-only: true\nos-proc-regex: [{match-regex: a}]\n", ["panic", "text"]),
    ],
)
def test_an_upgrade_can_fail_always_or_by_chance(text: str, kinds: list[str]) -> None:
    assert [one.kind for one in migrate(text, NEWEST)] == kinds


@pytest.mark.parametrize(
    "text",
    [
        "os-proc-root: /x\nos-proc-sync-enabled: 1\n",
        "os-proc-root: /x\nnpb-port: 70000\n",
        "os-proc-root: /x\nebpf: [a]\n",
        "os-proc-root: /x\nfoo: 1\nfoo: 2\n",
        "os-proc-regex: [{match-regex: a, match-regex: b}]\n",
        "- a\n",
        "text\n",
        "",
    ],
)
def test_one_wrong_value_costs_everything(text: str) -> None:
    assert [one.text for one in migrate(text, NEWEST)] == ["{}\n"]


def test_the_column_beside_static_config_is_a_duration() -> None:
    text = "platform_sync_interval: 20\nstatic_config:\n  os-proc-root: /x\n"

    (one,) = migrate(text, NEWEST)

    assert one.text is not None
    assert "resources:\n    push_interval: 20s\n" in one.text


def test_a_byte_order_mark_is_no_part_of_the_first_key() -> None:
    (one,) = migrate("\ufeffos-proc-root: /x\n", NEWEST)

    assert one.text == "inputs:\n  proc:\n    proc_dir_path: /x\n"


@pytest.mark.parametrize(
    "text",
    [
        "ebpf: {thread-num: 3}\n",
        "l7-protocol-ports: {DNS: '53'}\n",
        "static_config: {}\nmax_cpus: 1",
    ],
)
def test_settings_of_other_subjects_are_refused_not_guessed(text: str) -> None:
    with pytest.raises(Refusal, match="does not emulate"):
        migrate(text, NEWEST)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30))
def test_a_text_is_read_back_as_it_was_or_the_upgrade_fails(value: str) -> None:
    """FACTS C: only a text of one line break changes, and one that begins with a blank fails."""
    quoted = json.dumps(value, ensure_ascii=True)
    if any(0xD800 <= ord(char) <= 0xDFFF for char in value) or "\\ud" in quoted:
        return
    try:
        (one,) = migrate(f"os-app-tag-exec: [{quoted}]\n", FIRST)
    except Refusal:
        return
    if one.kind == "error":
        assert "\n" in value
        assert value[0] in " \n\t\r\x85\u2028\u2029"
    else:
        assert one.text is not None
        assert one.text.startswith("inputs:\n  proc:\n    tag_extraction:\n      script_command:\n")


@pytest.mark.parametrize(
    "word", ["", "y", "Off", "~", "null", "0777", "1_000", "12:30", "2024-01-02", ".inf", "1e3"]
)
def test_words_that_read_back_as_another_type_are_in_double_quotes(word: str) -> None:
    (one,) = migrate(f"os-app-tag-exec: ['{word}']\n", FIRST)

    assert one.text is not None
    assert one.text.endswith(f'- "{word}"\n')


@pytest.mark.parametrize("word", ["a: b", "# x", "*a", "%x", "{", "[a]", "- a", "---", "@a", " a"])
def test_words_with_a_meaning_in_yaml_are_in_single_quotes(word: str) -> None:
    (one,) = migrate(f"os-app-tag-exec: ['{word}']\n", FIRST)

    assert one.text is not None
    assert one.text.endswith(f"- '{word}'\n")


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30))
def test_a_spelled_text_is_one_line(value: str) -> None:
    assert "\n" not in spelled(value)
    assert "\r" not in spelled(value)
