"""Unicode 15.0, whatever Python has."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from proccli.rustregex.tree import charset, unicode
from proccli.rustregex.tree.charset import Ranges
from tests.rustregex.strategies import FUZZ
from tests.rustregex.tree import make_unicode_tables
from tests.rustregex.witness import Witness

UCD = Path("/usr/share/unicode")
ALL = "".join(map(chr, (*range(0xD800), *range(0xE000, 0x110000))))


def characters(ranges: Ranges) -> str:
    return "".join(chr(point) for low, high in ranges for point in range(low, high + 1))


def those_the_crate_matches(pattern: str) -> str:
    others = Witness(rf"[^{pattern}]").replace_all(ALL, "")
    return str(others)


SOME = [
    *("L", "Lu", "LC", "M", "Nd", "No", "P", "Pc", "S", "Z", "C", "Cn", "Co", "Cf", "sc"),
    *("Han", "Greek", "Kawi", "Common", "Inherited", "sc=Kana", "scx=Kana", "scx=Common"),
    *("age=1.1", "age=15.0", "age=9.0", "Alphabetic", "Uppercase", "White_Space", "Emoji"),
    *("XID_Start", "Bidi_Mirrored", "Cased", "gcb=Extend", "wb=ALetter", "sb=STerm"),
    *("Assigned", "Extended_Pictographic", "Other_Math", "Pattern_Syntax", "Dash"),
]


def every_name() -> list[str]:
    """Every property, value and spelling that the tables know."""
    names = list(unicode.names())
    for table, values in unicode._names()["values"].items():
        names += [f"{table}={value}" for value in values]
    return names


@pytest.mark.parametrize("query", every_name() if FUZZ else SOME)
def test_a_property_has_the_characters_that_the_crate_gives_it(query: str) -> None:
    name, found, value = query.partition("=")
    try:
        ranges = unicode.lookup(name, value if found else None)
    except unicode.UnknownValueError:
        pytest.skip("a value without characters: see the parser's table")
    assert characters(ranges) == those_the_crate_matches(rf"\p{{{query}}}")


@pytest.mark.parametrize("letter", ["d", "s", "w"])
def test_perl_classes_have_the_characters_that_the_crate_gives_them(letter: str) -> None:
    assert characters(unicode.perl(letter)) == those_the_crate_matches(f"\\{letter}")


def test_word_characters_by_their_definition() -> None:
    word = unicode.perl("w")
    assert all(charset.contains(word, ord(char)) for char in "aé名_५\u0301\u200d\u203f")
    assert not any(charset.contains(word, ord(char)) for char in "² -.\u2003😀")


def test_every_character_folds_as_in_the_crate() -> None:
    folding = [char for char in ALL if len({char, char.lower(), char.upper(), char.casefold()}) > 1]
    candidates = "".join(folding)
    for char in folding if FUZZ else folding[::29]:
        ours = characters(unicode.fold(((ord(char), ord(char)),)))
        others = Witness(f"(?i)[^\\x{{{ord(char):X}}}]").replace_all(candidates, "")
        assert sorted(set(ours) & set(candidates)) == sorted(others), char


@pytest.mark.parametrize(
    ("spelling", "normalized"),
    [
        ("Line_Break", "linebreak"),
        ("Line-break", "linebreak"),
        ("isGreek", "greek"),
        ("IS Greek", "greek"),
        ("is", ""),
        ("isc", "isc"),
        ("Is_C", "isc"),
        ("Gréek", "grek"),
    ],
)
def test_names_are_compared_loosely_as_the_crate_does(spelling: str, normalized: str) -> None:
    assert unicode.normalize(spelling) == normalized


@pytest.mark.parametrize("pattern", [r"(?i)nginx: [a-z_]+ \S+\s*\b$", r"(?i-u)[[:alpha:]k]\w\d"])
def test_an_ascii_pattern_needs_no_tables(pattern: str) -> None:
    program = (
        "from proccli.rustregex.parse import parser; from proccli.rustregex.tree import unicode;"
        f"parser.parse({pattern!r});"
        "print(unicode._file.cache_info().currsize)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout == b"0\n"


@pytest.mark.skipif(not (UCD / "Scripts.txt").exists(), reason="needs Debian's unicode-data")
def test_the_tables_are_those_of_the_unicode_character_database() -> None:
    if "15.0.0" not in (UCD / "Scripts.txt").read_text("utf-8").splitlines()[0]:
        pytest.skip("another version of Unicode")
    made = json.loads(json.dumps(make_unicode_tables.tables(UCD)))
    assert {name: unicode._table(name) for name in unicode._file()[0]} == made
    assert make_unicode_tables.PERL.read_text("utf-8") == make_unicode_tables.perl_module(UCD)
