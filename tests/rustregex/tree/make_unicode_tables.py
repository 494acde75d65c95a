"""Makes unicode15.dat and perl.py of proccli/rustregex/tree out of the Unicode Character Database.

    python tests/rustregex/tree/make_unicode_tables.py /usr/share/unicode

The database is Debian 12's package `unicode-data` (15.0.0). It is not needed to run anything:
the files that this makes are part of the package, since the crate's tables are those of Unicode
15.0, whatever version Python or the module `regex` carries.

The module has the two sets that many patterns need. The data file: a line of JSON,
`{table: [offset, size]}`, then the tables, each zlib-compressed JSON.
A set of characters is a list of numbers: the gaps and lengths of its ranges in turn.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.paths import ROOT

TREE = ROOT / "proccli" / "rustregex" / "tree"
OUTPUT = TREE / "unicode15.dat"
PERL = TREE / "perl.py"

# What the crate's tables of boolean properties hold (regex-syntax 0.7.2, property_bool.rs).
BOOLEAN = [
    "ASCII_Hex_Digit",
    "Alphabetic",
    "Bidi_Control",
    "Bidi_Mirrored",
    "Case_Ignorable",
    "Cased",
    "Changes_When_Casefolded",
    "Changes_When_Casemapped",
    "Changes_When_Lowercased",
    "Changes_When_Titlecased",
    "Changes_When_Uppercased",
    "Dash",
    "Default_Ignorable_Code_Point",
    "Deprecated",
    "Diacritic",
    "Emoji",
    "Emoji_Component",
    "Emoji_Modifier",
    "Emoji_Modifier_Base",
    "Emoji_Presentation",
    "Extended_Pictographic",
    "Extender",
    "Grapheme_Base",
    "Grapheme_Extend",
    "Grapheme_Link",
    "Hex_Digit",
    "Hyphen",
    "IDS_Binary_Operator",
    "IDS_Trinary_Operator",
    "ID_Continue",
    "ID_Start",
    "Ideographic",
    "Join_Control",
    "Logical_Order_Exception",
    "Lowercase",
    "Math",
    "Noncharacter_Code_Point",
    "Other_Alphabetic",
    "Other_Default_Ignorable_Code_Point",
    "Other_Grapheme_Extend",
    "Other_ID_Continue",
    "Other_ID_Start",
    "Other_Lowercase",
    "Other_Math",
    "Other_Uppercase",
    "Pattern_Syntax",
    "Pattern_White_Space",
    "Prepended_Concatenation_Mark",
    "Quotation_Mark",
    "Radical",
    "Regional_Indicator",
    "Sentence_Terminal",
    "Soft_Dotted",
    "Terminal_Punctuation",
    "Unified_Ideograph",
    "Uppercase",
    "Variation_Selector",
    "White_Space",
    "XID_Continue",
    "XID_Start",
]

# Properties whose values the crate knows, by their short name in PropertyValueAliases.txt.
ENUMERATED = {
    "age": "Age",
    "gc": "General_Category",
    "GCB": "Grapheme_Cluster_Break",
    "sc": "Script",
    "scx": "Script_Extensions",
    "SB": "Sentence_Break",
    "WB": "Word_Break",
}

Ranges = list[tuple[int, int]]
Sets = dict[str, Ranges]


def records(path: Path) -> Iterator[list[str]]:
    """The fields of each line that is not a comment."""
    for line in path.read_text(encoding="utf-8").splitlines():
        data = line.partition("#")[0].strip()
        if data:
            yield [part.strip() for part in data.split(";")]


def code_points(text: str) -> tuple[int, int]:
    first, _, last = text.partition("..")
    return int(first, 16), int(last or first, 16)


def sets_of(path: Path, rename: Callable[[str], str] = lambda name: name) -> Sets:
    """Value → its characters, from a file of `range ; value` lines."""
    sets: Sets = defaultdict(list)
    for fields in records(path):
        sets[rename(fields[1])].append(code_points(fields[0]))
    return {value: merged(ranges) for value, ranges in sets.items()}


def merged(ranges: Ranges) -> Ranges:
    """Sorted and joined, without surrogates."""
    out: Ranges = []
    for low, high in sorted(ranges):
        for start, end in ((low, min(high, 0xD7FF)), (max(low, 0xE000), high)):
            if start > end:
                continue
            if out and start <= out[-1][1] + 1:
                out[-1] = out[-1][0], max(end, out[-1][1])
            else:
                out.append((start, end))
    return out


def normalize(name: str) -> str:
    """A name as the crate compares them: see `unicode.normalize`."""
    return re.sub(r"[ _-]", "", name).lower()


def value_aliases(ucd: Path) -> dict[str, dict[str, str]]:
    """Property → normalized spelling of a value → its canonical name."""
    aliases: dict[str, dict[str, str]] = defaultdict(dict)
    for fields in records(ucd / "PropertyValueAliases.txt"):
        names = fields[1:]
        targets = {"sc": ("Script", "Script_Extensions")}.get(
            fields[0], (ENUMERATED.get(fields[0]),)
        )
        for target in targets:
            if target:
                aliases[target].update((normalize(name), names[1]) for name in names)
    return aliases


def property_aliases(ucd: Path) -> dict[str, str]:
    return {
        normalize(name): fields[1]
        for fields in records(ucd / "PropertyAliases.txt")
        for name in fields
    }


def general_categories(ucd: Path, aliases: dict[str, str]) -> Sets:
    """The categories, and the groups of them: L, LC, M, N, P, S, Z, C."""
    sets = sets_of(ucd / "extracted/DerivedGeneralCategory.txt", lambda name: aliases[name.lower()])
    sets.pop("Surrogate", None)
    single = {
        short: sets[long] for short, long in aliases.items() if len(short) == 2 and long in sets
    }
    for group in "lmnpszc":
        members = [ranges for short, ranges in single.items() if short[0] == group]
        sets[aliases[group]] = merged([pair for ranges in members for pair in ranges])
    cased = [pair for short in ("lu", "ll", "lt") for pair in single[short]]
    sets["Cased_Letter"] = merged(cased)
    return sets


def script_extensions(ucd: Path, scripts: Sets, aliases: dict[str, str]) -> Sets:
    """Script_Extensions: those listed, and the script itself for all other characters."""
    listed: Sets = defaultdict(list)
    exceptions: set[int] = set()
    for fields in records(ucd / "ScriptExtensions.txt"):
        low, high = code_points(fields[0])
        exceptions.update(range(low, high + 1))
        for name in fields[1].split():
            listed[aliases[normalize(name)]].append((low, high))
    sets: Sets = {}
    for script, ranges in scripts.items():
        own = [
            (point, point)
            for low, high in ranges
            for point in range(low, high + 1)
            if point not in exceptions
        ]
        sets[script] = merged([*own, *listed.get(script, [])])
    return sets


def ages(ucd: Path) -> Sets:
    """Age by canonical value name; each set also has what was there before."""
    own = sets_of(ucd / "DerivedAge.txt")
    sets: Sets = {}
    so_far: Ranges = []
    for version in sorted(own, key=lambda text: [int(part) for part in text.split(".")]):
        so_far = merged([*so_far, *own[version]])
        sets["V" + version.replace(".", "_")] = so_far
    return sets


def boolean(ucd: Path) -> Sets:
    sets: Sets = {}
    for name in (
        "PropList.txt",
        "DerivedCoreProperties.txt",
        "extracted/DerivedBinaryProperties.txt",
        "emoji/emoji-data.txt",
    ):
        sets.update(sets_of(ucd / name))
    return {name: sets[name] for name in BOOLEAN}


def fold_orbits(ucd: Path) -> list[list[int]]:
    """Sets of characters that are the same under simple case folding."""
    orbits: dict[int, set[int]] = defaultdict(set)
    for code, status, mapping, *_ in records(ucd / "CaseFolding.txt"):
        if status in "CS":
            target = int(mapping, 16)
            orbits[target] |= {target, int(code, 16)}
    return [sorted(orbit) for _, orbit in sorted(orbits.items())]


def deltas(ranges: Ranges) -> list[int]:
    out: list[int] = []
    at = 0
    for low, high in ranges:
        out += [low - at, high - low]
        at = high
    return out


def perl(ucd: Path) -> Sets:
    """The sets of `\\d` and `\\w`, by the names of their constants."""
    categories = general_categories(ucd, value_aliases(ucd)["General_Category"])
    booleans = boolean(ucd)
    word = [
        *booleans["Alphabetic"],
        *booleans["Join_Control"],
        *categories["Mark"],
        *categories["Decimal_Number"],
        *categories["Connector_Punctuation"],
    ]
    return {"DIGIT": categories["Decimal_Number"], "WORD": merged(word)}


def perl_module(ucd: Path) -> str:
    """The text of the module."""
    return HEAD + "".join(
        f"{name}: Final[Ranges] = (\n{_in_lines(ranges)}\n)\n" for name, ranges in perl(ucd).items()
    )


HEAD = '''r"""The characters of `\\d` and `\\w` in Unicode 15.0.

A module, because Python keeps it as byte code: `\\b`, `\\d` and `\\w` are in many patterns, and to
read the sets from `unicode15.dat` takes 8 ms more, most of it for json and pathlib.
Made by tests/rustregex/tree/make_unicode_tables.py.
"""

from __future__ import annotations

from typing import Final

from proccli.rustregex.tree.charset import Ranges

# fmt: off
'''


def _in_lines(ranges: Ranges) -> str:
    pairs = " ".join(f"(0x{low:X},_0x{high:X})," for low, high in ranges)
    lines = textwrap.wrap(pairs, 96, break_long_words=False, break_on_hyphens=False)
    return "\n".join(f"    {line.replace('_', ' ')}" for line in lines)


def tables(ucd: Path) -> dict[str, object]:
    """Everything that goes into the data file."""
    values = value_aliases(ucd)
    scripts = sets_of(ucd / "Scripts.txt")
    enumerated: dict[str, Sets] = {
        "Age": ages(ucd),
        "General_Category": general_categories(ucd, values["General_Category"]),
        "Script": scripts,
        "Script_Extensions": script_extensions(ucd, scripts, values["Script"]),
        "Boolean": boolean(ucd),
    }
    for kind in ("Grapheme", "Word", "Sentence"):
        canonical = {"Grapheme": "Grapheme_Cluster_Break"}.get(kind, f"{kind}_Break")
        enumerated[canonical] = sets_of(ucd / f"auxiliary/{kind}BreakProperty.txt")
    return {
        "names": {"properties": property_aliases(ucd), "values": values},
        "fold": fold_orbits(ucd),
        **{
            name: {value: deltas(ranges) for value, ranges in sorted(sets.items())}
            for name, sets in enumerated.items()
        },
    }


def main() -> None:
    ucd = Path(sys.argv[1])
    PERL.write_text(perl_module(ucd), encoding="utf-8")
    directory: dict[str, list[int]] = {}
    blobs = b""
    for name, table in tables(ucd).items():
        text = json.dumps(table, separators=(",", ":"), sort_keys=True)
        blob = zlib.compress(text.encode(), 9)
        directory[name] = [len(blobs), len(blob)]
        blobs += blob
    OUTPUT.write_bytes(json.dumps(directory).encode() + b"\n" + blobs)


if __name__ == "__main__":
    main()
