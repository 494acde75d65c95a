"""Differences between configurations on snapshots and in the rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from proccli.agent.inputs import Inputs
from proccli.commands.diff.diff import DiffResult, diff
from proccli.commands.diff.rules import compare_rules
from proccli.commands.explain.explain import explain_pids
from proccli.commands.inputs import InputOptions
from proccli.model.process import NO_TAGS
from proccli.sources.made_up import MadeUp, made_up_source
from proccli.sources.recording.writer import write_recording
from tests.agent.sockets.looking import fd, tcp
from tests.build import NO_ENVIRONMENT, ListSource, config, net_tables, process, tag_table
from tests.cli.runner import call

RULE_KEYS = ("match-regex", "match-type", "action", "rewrite-name")
PROCESSES = [
    process(1, "init"),
    process(2, "nginx", ppid=1),
    process(3, "python3", "app.py", ppid=1),
    process(4, "sleep", "60", ppid=2),
]


def written(path: Path, *rules: tuple[str, ...], **settings_: Any) -> str:
    """A configuration file with these rules."""
    listed = [dict(zip(RULE_KEYS, rule, strict=False)) for rule in rules]
    content = {"static_config": {"os-proc-sync-enabled": True, "os-proc-regex": listed} | settings_}
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return str(path)


@pytest.fixture
def recording(tmp_path: Path) -> str:
    path = tmp_path / "web-1.jsonl"
    with path.open("wb") as out:
        write_recording(out, ListSource(PROCESSES), tags=tag_table({2: [("owner", "alice")]}))
    return str(path)


def compared(tmp_path: Path, recording: str | None, old: Any, new: Any) -> DiffResult:
    before = written(tmp_path / "old.yaml", *old)
    after = written(tmp_path / "new.yaml", *new)
    snapshots = [recording] if recording is not None else []
    return diff(InputOptions(config=before), InputOptions(config=after), snapshots)


def kinds(result: DiffResult) -> dict[int, str]:
    return {change.pid: change.kind for change in result.changes}


def test_lost_gained_renamed_and_decided_by_another_rule(tmp_path: Path, recording: str) -> None:
    old = [("init", "", "drop"), ("nginx", "", "accept"), ("python3",), ("sleep", "", "drop")]
    new = [("nginx", "", "drop"), ("python3", "", "accept", "py"), ("sle+p", "", "drop")]

    result = compared(tmp_path, recording, old, new)

    assert kinds(result) == {1: "gained", 2: "lost", 3: "renamed", 4: "rule"}
    assert result.equivalent is False
    assert result.differs


def test_a_rule_that_only_moved_is_no_change(tmp_path: Path, recording: str) -> None:
    old = [("nginx", "", "drop"), ("python3", "", "drop")]

    result = compared(tmp_path, recording, old, [("nothing",), *old])

    assert kinds(result) == {}


def test_a_dropped_parent_passes_no_tags_to_its_children(tmp_path: Path, recording: str) -> None:
    result = compared(tmp_path, recording, [], [("nginx", "", "drop")])

    assert kinds(result) == {2: "lost", 4: "retagged"}


def test_the_same_rules_are_proven_equivalent(tmp_path: Path) -> None:
    rules = [("a", "cmdline", "drop"), ("b", "tag")]

    assert compared(tmp_path, None, rules, rules).equivalent is True


def test_rules_with_the_same_effect_are_proven_equivalent(tmp_path: Path) -> None:
    old = [("^(sleep|bash)$", "", "drop")]
    new = [("^bash$", "", "drop"), ("^sleep$", "", "drop")]

    result = compared(tmp_path, None, old, new)

    assert (result.equivalent, result.differs) == (True, False)


def test_without_a_machine_a_witness_is_constructed(tmp_path: Path) -> None:
    result = compared(tmp_path, None, [("^bash$", "", "drop")], [("^-?bash$", "", "drop")])

    (witness,) = result.witnesses
    assert (witness.match_type, witness.text) == ("process_name", "-bash")
    assert (witness.old.status, witness.new.status) == ("accepted", "dropped")


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (("^nginx$", "parent_process_name", "drop"), "nginx"),
        (("^owner:alice$", "tag", "drop"), "owner:alice"),
    ],
)
def test_witnesses_are_constructed_for_ancestors_and_tags(
    tmp_path: Path, rule: Any, text: str
) -> None:
    (witness,) = compared(tmp_path, None, [], [rule]).witnesses

    assert witness.text == text


def test_a_difference_that_an_earlier_rule_hides_is_not_shown(tmp_path: Path) -> None:
    """The cmdline rule matches before the new tag rule can make a difference."""
    old = [("", "cmdline", "drop")]

    result = compared(tmp_path, None, old, [*old, ("x:y", "tag", "accept")])

    assert result.witnesses == ()
    assert result.equivalent is None


def test_other_settings_are_reported_and_count_as_a_difference(tmp_path: Path) -> None:
    before = written(tmp_path / "old.yaml", **{"os-proc-socket-min-lifetime": 3})
    after = written(tmp_path / "new.yaml", **{"os-proc-socket-min-lifetime": 30})

    result = diff(InputOptions(config=before), InputOptions(config=after), [])

    assert result.equivalent is None
    assert result.differs
    assert "setting-differs" in [note.code for note in result.notes]


PATTERNS = st.sampled_from(
    ["a", "^a$", "ab", "a|b", "^[ab]+$", "b$", ".", "", "^x", "[^a]", "a.*b", "(?i)AB", r"\bb"]
)
TYPES = st.sampled_from(["process_name", "cmdline"])
RULES = st.lists(
    st.tuples(PATTERNS, TYPES, st.sampled_from(["accept", "drop"]), st.sampled_from(["", "<$0>"])),
    max_size=4,
)


def as_inputs(rules: Any) -> Inputs:
    return Inputs(
        config=config(*rules),
        source=ListSource([]),
        environment=NO_ENVIRONMENT,
        tags=NO_TAGS,
        notes=(),
    )


def judged(inputs: Inputs, title: str) -> tuple[str, str | None]:
    source = made_up_source(MadeUp(title=title), inputs.source.host.taken_at_ns)

    outcome = explain_pids(inputs._replace(source=source), [0]).explanations[0].outcome
    return outcome.status, outcome.gprocess


@settings(max_examples=60)
@given(RULES, RULES)
def test_the_comparison_of_rules_agrees_with_all_short_names(old: Any, new: Any) -> None:
    before, after = as_inputs(old), as_inputs(new)
    texts = [a + b + c for a in ("a", "b", "x", "-") for b in ("", "a", "b") for c in ("", "b")]
    differ = [text for text in texts if judged(before, text) != judged(after, text)]

    proof = compare_rules(before, after)

    assert not (proof.equivalent is True and differ)
    for witness in proof.witnesses:
        assert judged(before, witness.text) != judged(after, witness.text)


# ---- connections ------------------------------------------------------------------------------

CONNECTED = net_tables(tcp=[tcp(900, "10.0.0.5:4000", "10.0.0.9:5432")])
ALL = [(".*",)]
NO_SHOP = [("^shop$", "process_name", "drop"), (".*",)]


@pytest.fixture
def shop(tmp_path: Path) -> str:
    """A recording of one process with one connection, without tags."""
    path = tmp_path / "shop.jsonl"
    source = ListSource(
        [process(7, "shop", netns=1)], sockets={7: [fd(3, 900)]}, nets={1: CONNECTED}
    )
    with path.open("wb") as out:
        write_recording(out, source)
    return str(path)


@pytest.mark.parametrize(
    ("old", "new", "lost", "gained"),
    [(ALL, NO_SHOP, 1, 0), (NO_SHOP, ALL, 0, 1), (ALL, ALL, 0, 0), (NO_SHOP, NO_SHOP, 0, 0)],
)
def test_connections_lose_and_gain_their_label_with_the_process(
    tmp_path: Path, shop: str, old: Any, new: Any, lost: int, gained: int
) -> None:
    result = compared(tmp_path, shop, old, new)
    assert (result.connections.lost, result.connections.gained) == (lost, gained)


def test_a_connection_of_an_unknown_process_is_not_said_to_be_lost(
    tmp_path: Path, shop: str
) -> None:
    tagged = [("a:b", "tag", "drop"), (".*",)]
    before = written(tmp_path / "old.yaml", *ALL)
    after = written(
        tmp_path / "new.yaml",
        *tagged,
        **{"os-app-tag-exec": ["tags"], "os-app-tag-exec-user": "root"},
    )

    for one, other in ((before, after), (after, before)):
        result = diff(InputOptions(config=one), InputOptions(config=other), [shop])
        assert (result.compared, result.undecided) == (1, 1)
        assert (result.connections.lost, result.connections.gained) == (0, 0)
    ran = call("diff", before, after, "-s", shop)
    assert "0 processes compared; 1 not compared (outcome unknown); " in ran.out
