"""Our reading against the real readers', on thousands of measured texts.

The law: an answer is the real one, or an error. Errors where the real reader has an answer are
few, and only for texts that nobody writes on purpose.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from proccli.config.loading import Via, load, reader_notes
from proccli.config.tag_output import parse_tag_output
from proccli.config.yaml.reader import Loader
from proccli.errors import ConfigError, TagsError
from proccli.terminal.warning_text import message as words_of
from tests.config.measured import DEFAULTS, FIELDS, VIAS, cases, outcome, with_defaults

LOADERS: tuple[Loader, ...] = ("libyaml", "python")
KEYS = {
    "string": "os-proc-root",
    "bool": "os-proc-sync-enabled",
    "int": "os-proc-socket-min-lifetime",
}


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("via", VIAS)
def test_every_spelling_of_a_value_is_read_as_the_real_reader_does(kind: str, via: Via) -> None:
    key = KEYS[kind]
    refused = set()
    for case in cases("scalars"):
        measured = case[kind][VIAS.index(via)]
        text = f"{key}: {case['text']}\n"
        try:
            value = outcome(text, via).get(key, getattr(DEFAULTS, FIELDS[key]))
        except ConfigError:
            if measured != "rejected":
                refused.add(case["text"].split()[0])
            continue
        assert measured == {"value": value}, text
        assert type(measured["value"]) is type(value), text
    assert refused <= {"!!timestamp"}


@pytest.mark.parametrize("via", VIAS)
def test_no_document_is_read_otherwise_than_the_real_reader_does(via: Via) -> None:
    needless = accepted = 0
    for case in cases("documents"):
        measured: dict[str, Any] | None = case[via]
        try:
            ours = outcome(case["text"], via)
        except ConfigError:
            needless += measured is not None
            continue
        if not ours and NOTHING_IN_IT.search(case["text"]):
            # Defaults, for us; a real reader of such a text never sees it in this form.
            continue
        assert measured is not None, case["text"]
        assert ours == with_defaults(measured), case["text"]
        accepted += 1
    assert accepted > 1400
    assert needless < accepted / 8


NOTHING_IN_IT = re.compile(
    r"(?ms)\A(?!.*^\s*[?'\"]?os-).*\Z|static_config:\s*(#[^\n]*\s*)*\Z",
)


@pytest.mark.parametrize("via", VIAS)
def test_without_libyaml_the_answer_is_the_same_or_an_error(via: Via) -> None:
    """PyYAML's own scanner refuses many tabs that libyaml reads, and hardly anything else."""
    needless = {True: 0, False: 0}
    places: list[object] = []
    for case in list(cases("documents"))[::4]:
        answers: list[dict[str, Any] | None] = []
        for loader in LOADERS:
            try:
                answers.append(outcome(case["text"], via, loader))
            except ConfigError as error:
                answers.append(None)
                places.append(error.at)
        if answers[1] is None and answers[0] is not None:
            needless["\t" in case["text"] or "\ufeff" in case["text"]] += 1
        else:
            assert answers[0] == answers[1], case["text"]
    assert None not in places
    assert needless[False] <= 3
    assert needless[True] < 50


def test_without_libyaml_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert reader_notes() == ()
    monkeypatch.setattr("yaml.__with_libyaml__", False)
    (note,) = reader_notes()
    assert note.code == "yaml-reader"
    assert "without libyaml" in words_of(note)
    assert load(b"os-proc-root: /x", "a.yaml").proc_root == "/x"


@pytest.mark.parametrize("loader", LOADERS)
def test_tag_output_is_as_strict_as_the_real_reader(loader: Loader) -> None:
    needless = accepted = 0
    for case in cases("tags"):
        try:
            ours = parse_tag_output(case["text"].encode(), "tags", loader=loader)
        except TagsError:
            needless += case["entries"] is not None
            continue
        assert case["entries"] is not None, case["text"]
        last = {pid: tuple(map(tuple, tags)) for pid, tags in case["entries"]}
        assert dict(ours) == last, case["text"]
        accepted += 1
    assert accepted > 300
    # PyYAML's own scanner refuses tabs that libyaml reads.
    assert needless < (20 if loader == "libyaml" else 25)
