"""Every recipe is a pattern that all agents accept, and names a whole line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli import rustregex
from proccli.commands.suggest.naming import RECIPES, Line, escaped, literal, name_line
from proccli.commands.suggest.recipe import Recipe
from tests.commands.suggest.hosts import table

LINES = [Line(case.argv, ()) for name in ("tune", "judge", "field") for case in table(name)]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.about)
def test_every_recipe_is_valid_for_all_agents_and_anchored(recipe: Recipe) -> None:
    for crate in ("1.6.0", "1.8.3"):
        regex = rustregex.compile(recipe.pattern, crate)
        assert regex.missing_groups(recipe.name) == ()
    assert recipe.pattern.startswith("(?s)^")
    assert recipe.pattern.endswith("$")
    assert not regex.may_err


def test_a_recipe_matches_whole_lines_and_needs_what_it_says() -> None:
    matched = set()
    for recipe in RECIPES:
        regex = rustregex.compile(recipe.pattern)
        for line in LINES:
            match = regex.search(line.text)
            if match is not None:
                assert (match.start, match.end) == (0, len(line.text))
                assert recipe.needs in line.text
                matched.add(recipe.about)
    assert len(matched) > 60


@pytest.mark.parametrize(
    "argv",
    [
        ("python3", "-c", "import app; app.run('/opt/x.py')"),
        ("python3", "-uc", "/opt/x.py"),
        ("perl", "-e", "sleep 1 while /opt/x.pl"),
        ("ruby", "-e", "load '/opt/x.rb'"),
        ("node", "--require", "/opt/x.js", "--eval", "run()"),
        ("node", "-e", "require('/opt/x.js')"),
        ("php", "-r", "include '/opt/x.php';"),
        ("bash", "-c", "/opt/x.sh a b"),
        ("java", "@/tmp/args"),
        ("java", "-version"),
        ("python3",),
        ("bash", "/dev/fd/63"),
    ],
)
def test_code_and_files_of_arguments_are_no_names(argv: tuple[str, ...]) -> None:
    assert name_line(Line(argv, ())) is None


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (("java", "-Dname=my app", "-cp", "x", "com.shop.Orders"), "Orders"),
        (("java", "-Dname=my app", "-jar", "/opt/pay-1.2.jar"), "pay"),
        (("python3", "-X", "a b", "/opt/etl/load.py"), "load"),
    ],
)
def test_blanks_in_an_argument_before_the_program_get_a_rule_of_their_own(
    argv: tuple[str, ...], name: str
) -> None:
    line = Line(argv, ())

    naming = name_line(line)

    assert naming is not None
    assert naming.literal
    regex = rustregex.compile(naming.recipe.pattern)
    assert regex.replace_all(line.text, naming.recipe.name) == naming.name == name


@pytest.mark.parametrize(
    "jars",
    [
        ("pay.jar", "pay-1.4.jar", "pay-1.4.2-SNAPSHOT.jar", "pay-1.5.0-RC1-exec.jar", "pay_2.jar"),
        ("log-4-shell-tool.jar", "log-4-shell-tool-1.0.jar"),
        ("orders-20240115.093011-7.jar", "orders-3f2a1c9d-all.jar", "orders.war"),
    ],
)
def test_the_versions_of_a_jar_have_one_name(jars: tuple[str, ...]) -> None:
    found = {name_line(Line(("java", "-jar", f"/opt/{jar}"), ())) for jar in jars}

    assert len({naming and naming.name for naming in found}) == 1


def test_a_command_line_with_400_jars_is_named() -> None:
    jars = ":".join(f"/opt/kafka/libs/some-library-{n}-1.{n}.jar" for n in range(400))
    line = Line(("java", "-Xmx1g", "-cp", jars, "kafka.Kafka", "/etc/server.properties"), ())

    naming = name_line(line)

    assert naming is not None
    assert naming.name == "kafka"


@given(st.text(min_size=1))
def test_an_escaped_text_matches_itself_alone(text: str) -> None:
    regex = rustregex.compile(f"(?s)^{escaped(text)}$", "1.6.0")

    assert regex.is_match(text)
    assert not regex.is_match(f"{text}x")


@given(
    st.lists(st.text(st.characters(exclude_characters="\0"), min_size=1), min_size=1, max_size=5),
    st.sampled_from(["python3", "java", "node", "/usr/bin/ruby", "bash", "x: y"]),
)
def test_any_arguments_get_a_name_that_their_rule_gives(rest: list[str], program: str) -> None:
    line = Line((program, *rest), ())

    naming = name_line(line)

    if naming is not None:
        regex = rustregex.compile(naming.recipe.pattern)
        assert regex.replace_all(line.text, naming.recipe.name) == naming.name


def test_a_literal_rule_ignores_versions_and_keeps_names_out_that_mean_something() -> None:
    line = Line(("/usr/bin/python3.11", "/opt/shop-1.2.3/worker.py", "--id", "1"), ())
    naming = name_line(line)
    assert naming is not None

    found = literal(line, "shop-worker", naming.recipe)

    assert found is not None
    regex = rustregex.compile(found.recipe.pattern)
    assert regex.is_match("/bin/python3.12 -u /opt/shop-1.3.0/worker.py")
    assert not regex.is_match("/bin/python3.12 -u /opt/other-1.3.0/worker.py")
    assert literal(line, "%HOSTNAME%", naming.recipe) is None
    assert literal(line, "$1", naming.recipe) is None
