"""Characters that look like others are named wherever a place is: character, code point, place."""

from __future__ import annotations

import pytest

from proccli.config.characters import (
    looks_like_gb18030,
    meant_by,
    odd_characters,
    plain,
)
from proccli.config.loading import Via, read
from proccli.config.tag_output import parse_tag_output
from proccli.errors import TagsError
from proccli.terminal.warning_text import message
from tests.config.measured import VIAS

HEAD = "static_config:\n  os-proc-sync-enabled: true\n"
RULES = f"{HEAD}  os-proc-regex:\n"


def said(text: str, via: Via = "server") -> str:
    """Everything that is said about a configuration."""
    found = read(text.encode(), "a.yaml", via=via)
    notes = found.config.notes if found.config is not None else ()
    return "\n".join(
        [*(f"{fault.problem} {fault.hint}" for fault in found.faults), *map(message, notes)]
    )


@pytest.mark.parametrize("via", VIAS)
@pytest.mark.parametrize(
    ("text", "char", "place"),
    [
        (f"{RULES}  -\u3000match-regex: a\n    action: drop\n", "U+3000", "4:4"),
        (f"{RULES}  -\u00a0match-regex: a\n", "U+00A0", "4:4"),
        (f"{RULES}  - match-regex: a\n  -\u3000match-regex: b\n", "U+3000", "5:4"),
        (f"{RULES}  -\u3000match-regex: a\n  -\u3000match-regex: b\n", "U+3000", "5:4"),
        ("static_config:\n\u3000os-proc-sync-enabled: true\n", "U+3000", "2:1"),
        ("\u3000static_config:\n  os-proc-sync-enabled: true\n", "U+3000", "1:1"),
        ("static_config:\n  \u00a0os-proc-sync-enabled: true\n", "U+00A0", "2:3"),
        ("static_config\uff1a\n  os-proc-sync-enabled: true\n", "U+FF1A", "1:14"),
        (f"{HEAD}  os-proc-root\uff1a /proc\n", "U+FF1A", "3:15"),
        (f"{HEAD}  os-proc-root:\u3000/proc\n  os-proc-regex: []\n", "U+3000", "3:16"),
        ("os-proc-sync-enabled: true\u3000# \u5f00\u542f\n", "U+3000", "1:27"),
        ("os-proc-socket-min-lifetime: \uff11\uff10\n", "U+FF11", "1:30"),
        ("os\uff0dproc\uff0droot: /x\n", "U+FF0D", "1:3"),
        ("os-proc-\u200broot: /x\n", "U+200B", "1:9"),
        ("os-proc-root: /proc\u200b\n", "U+200B", "1:20"),
        ("os-app-tag-exec: [cat\uff0c/tmp/x]\n", "U+FF0C", "1:22"),
        (f"{RULES}  - match\u2011\u200bregex: a\n", "U+200B", "4:11"),
        (f"{RULES}  - match-regex: \uff08java|python\uff09\n", "U+FF08", "4:18"),
        (f"{RULES}  - match-regex: '\u201c^nginx$\u201d'\n", "U+201C", "4:19"),
        (f'{RULES}  - match-regex: "java\uff5cgo"\n', "U+FF5C", "4:23"),
        (f"{RULES}  - match-regex: app\uff1ashop\n    match-type: tag\n", "U+FF1A", "4:21"),
        (f"{RULES}  - match-regex: ^nginx$\u3000\n", "U+3000", "4:25"),
        (f"{RULES}  - match-regex: a\n    match-type: cmdline\u3000\n", "U+3000", "5:24"),
        (f"{RULES}  - match-regex: a\n    rewrite-name: \uff041-x\n", "U+FF04", "5:19"),
        (f"{RULES}  - match-regex: a\n    rewrite-name: \u201cweb\u201d\n", "U+201C", "5:19"),
        (f"{RULES}  - {{match-regex: a\uff0caction: drop}}\n", "U+FF0C", "4:20"),
    ],
)
def test_the_character_its_code_point_and_its_place_are_said(
    text: str, char: str, place: str, via: Via
) -> None:
    found = said(text, via)

    assert f"{char} (" in found
    assert place in found


def test_a_byte_order_mark_costs_the_first_key_where_the_agent_reads_the_file() -> None:
    text = "\ufeffos-proc-sync-enabled: true\n"

    assert "a.yaml:1:1: " in said(text, "file")
    assert "U+FEFF (byte order mark)" in said(text, "file")
    assert said(text, "server") == ""


@pytest.mark.parametrize("via", VIAS)
@pytest.mark.parametrize(
    "text",
    [
        f"{HEAD}  # \u5f00\u542f\uff1a\u3000\uff08\u8bf4\u660e\uff09\n",
        f"{HEAD}  os-proc-root: /proc # \u9ed8\u8ba4\uff1a\u201c/proc\u201d\n",
        f"{RULES}  - match-regex: \u8ba2\u5355|\u652f\u4ed8\n",
        f"{RULES}  - match-regex: a\n    rewrite-name: \u8ba2\u5355\uff08\u65b0\uff09\n",
        f"{RULES}  - match-regex: '\u7814\u53d1\uff0c\u6d4b\u8bd5'\n    match-type: tag\n",
        f"{RULES}  - match-regex: 'caf\u00e9 \\x{{FF08}}'\n",
        "name: \u201c\u4e00\u201d\nstatic_config:\n  description: \uff08\u65e0\uff09\n",
    ],
)
def test_chinese_text_is_no_mistake(text: str, via: Via) -> None:
    assert "U+" not in said(text, via)


def test_a_pattern_is_offered_as_it_was_meant() -> None:
    found = said(f"{RULES}  - match-regex: \uff08java\uff5cgo\uff09\n")

    assert "(write (java|go); if the character is meant, write \\x{FF08})" in found


def test_a_value_and_a_key_are_not_reported_as_something_else_too() -> None:
    found = said(f"{RULES}  - match-regex: a\n    match\u200b-type: cmdline\n")

    assert found.count("a.yaml:") == 1
    assert "remove the character, which can't be seen" in found


def test_the_output_of_a_tag_command_is_told_the_same() -> None:
    with pytest.raises(TagsError) as caught:
        parse_tag_output("- pid\uff1a 5\n  tags: []\n".encode(), "tags")

    assert "the character at 1:6 is U+FF1A (fullwidth colon)" in (caught.value.hint or "")


@pytest.mark.parametrize("encoding", ["gb18030", "gbk", "gb2312"])
def test_chinese_text_that_is_not_utf8_is_recognized(encoding: str) -> None:
    text = "static_config:\n  # \u8fdb\u7a0b\u4fe1\u606f\u540c\u6b65\n  os-proc-root: /p\n"
    (fault,) = read(text.encode(encoding), "a.yaml").faults

    assert "iconv -f GB18030 -t UTF-8" in (fault.hint or "")


@pytest.mark.parametrize(
    "text", ["caf\u00e9\n".encode("latin-1"), b"\xff\xfe\x00", b"\x80\x81", b"a\xe9b", b"plain"]
)
def test_other_bytes_are_not_called_chinese(text: bytes) -> None:
    assert not looks_like_gb18030(text)


def test_what_was_meant_is_ascii() -> None:
    assert plain("\uff08java\uff5c\u201cgo\u201d\uff09\u3000\u200b") == '(java|"go") '
    assert meant_by("-\u3000match-regex") == "match-regex"
    assert meant_by("\ufeff\u00a0os-proc-root ") == "os-proc-root"
    assert list(odd_characters("ascii: (a|b)")) == []
