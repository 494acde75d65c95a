"""Recipes for interpreters besides Java: the script, the module, or the program it hosts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from proccli.commands.suggest.recipe import END, Recipe, folder, scripts

_FLAGS: Final = "[bBdEiIOPqRsSuvx]"
PYTHON: Final = (
    rf"(?s)^(?:\S*/)?(?:python|pypy)[0-9.]* (?:-{_FLAGS}+ |-{_FLAGS}*[WXQ] ?\S+"
    r" |--check-hash-based-pycs \S+ )*"
)
"""Python and its options: after -c comes code, which is not named."""
_TOOL: Final = r"(?:-m ?|\S*/)?"
_PYTHON: Final = (
    Recipe(
        "python: a worker of multiprocessing",
        rf"{PYTHON}-{_FLAGS}*c from (multiprocessing\.\w+) import .*$",
        "$1",
        "multiprocessing",
        in_code=True,
    ),
    Recipe(
        "python: a web server and its application",
        rf"(?s)^(?:{PYTHON.removeprefix('(?s)^')})?{_TOOL}"
        r"(gunicorn|uvicorn|hypercorn|daphne|granian|waitress-serve)(?: .*)?"
        rf" ([A-Za-z_]\w*)[\w.]*:[A-Za-z_][\w.()]*{END}",
        "$1-$2",
        ":",
    ),
    Recipe(
        "python: celery, its application and role",
        rf"{PYTHON}{_TOOL}celery(?: .*)? (?:-A|--app)[ =]([A-Za-z_]\w*)\S* (?:-\S+ )*"
        rf"(worker|beat|flower){END}",
        "celery-$1-$2",
        "celery",
    ),
    Recipe(
        "python: celery and its role",
        rf"{PYTHON}{_TOOL}celery (?:.* )?(worker|beat|flower){END}",
        "celery-$1",
        "celery",
    ),
    Recipe(
        "python: a program and its subcommand",
        rf"{PYTHON}{_TOOL}(airflow|superset|dagster|prefect|mlflow|flask|ray|rasa|buildbot)"
        rf" (?:-\S+ )*([a-z][\w-]*){END}",
        "$1-$2",
        "python",
    ),
    Recipe("python -m: the module", rf"{PYTHON}-{_FLAGS}*m ?([A-Za-z_][\w.]*){END}", "$1", "m"),
    Recipe(
        "python: a package that is run as a script",
        rf"{PYTHON}(?:[^\s-]\S*/)?([^\s/-][^\s/]*)/__main__\.py{END}",
        "$1",
        "__main__.py",
        "path",
    ),
    *scripts("python", PYTHON, r"(?:\.py[cowz]?|\.pex)?", "p"),
)

_NODE_VALUES: Final = ("require", "import", "loader", "experimental-loader", "env-file", "title")


def _other_than(prefixes: Iterable[str]) -> str:
    """A pattern for words that begin with none of these, without look-ahead."""
    following: dict[str, list[str]] = {}
    for prefix in prefixes:
        following.setdefault(prefix[0], []).append(prefix[1:])
    letters = "".join(sorted(following, key=lambda char: (char == "-", char)))
    parts = [rf"[^\s{letters}]\S*"]
    parts += (f"{first}(?:{_other_than(of)})" for first, of in following.items() if all(of))
    return "|".join(parts)


_NODE_OTHERS: Final = _other_than(("ev", "ex", "pri", "req", "imp", "lo", "env-", "ti"))
NODE: Final = (
    rf"(?s)^(?:\S*/)?node(?:js)?[0-9]* (?:(?:-r|--(?:{'|'.join(_NODE_VALUES)})) \S+ "
    rf"|--(?:experimental-[^\sl]\S*|{_NODE_OTHERS}) )*(?:-- )?"
)
"""Node.js and its options, but --eval and --print: code follows them."""
_NODE: Final = (
    Recipe(
        "node: a command of the application's packages",
        rf"{NODE}(?:\S*/)?node_modules/\.bin/([^\s/]+){END}",
        "$1",
        "node_modules/.bin/",
    ),
    Recipe(
        "node: the package",
        rf"{NODE}(?:\S*/)?node_modules/([^\s/@.][^\s/]*)/\S*{END}",
        "$1",
        "node_modules/",
    ),
    *scripts("node", NODE, r"(?:\.[cm]?[jt]sx?)?", "node"),
)

RUBY: Final = r"(?s)^(?:\S*/)?j?ruby[0-9.]* (?:-[ICrx] ?\S+ |-[^\seICrx-]\S* |--\S+ )*"
_RUBY: Final = (
    Recipe(
        "ruby: a program and its subcommand",
        rf"{RUBY}(?:\S*/)?(puppet|karafka|hanami) (?:-\S+ )*([a-z][\w:]*){END}",
        "$1-$2",
        "ruby",
    ),
    Recipe(
        "ruby: the server of rails",
        rf"{RUBY}(?:\S*/)?(rails) (?:s|server){END}",
        "rails-server",
        "rails s",
    ),
    Recipe(
        "ruby: a program that bundler runs",
        rf"{RUBY}(?:\S*/)?bundle exec (?:\S*/)?([^\s/-][^\s/]*){END}",
        "$1",
        "bundle exec ",
    ),
    *scripts("ruby", RUBY, r"(?:\.rb)?", "ruby"),
)

PERL: Final = r"(?s)^(?:\S*/)?perl[0-9.]* (?:-I ?\S+ |-[^\seEI-]\S* )*"
PHP: Final = r"(?s)^(?:\S*/)?php(?:-cgi|-cli)?[0-9.]* (?:-[dcz] ?\S+ |-[qnCH]+ |-f )*"
_PHP: Final = (
    Recipe(
        "php: a console and its command",
        rf"{PHP}(?:\S*/)?(artisan|console|occ|magento|drush|wp|yii) (?:-\S+ )*([a-z][\w:-]*){END}",
        "$1-$2",
        "php",
        "path",
    ),
    *scripts("php", PHP, r"(?:\.php|\.phar)?", "php"),
)

SHELL: Final = r"(?s)^(?:\S*/)?(?:ba|da|k|z|a)?sh (?:-[abefhmnpuvxCEP]+ |-o \S+ |--\S+ )*"
_HEAD, _FOLDER, _ = scripts("shell", SHELL, r"\.sh", "sh ")
_SHELL: Final = (
    _HEAD,
    _FOLDER,
    Recipe(
        "shell: the script",
        rf"{SHELL}(?:(?:[^\s-]\S*)?/([^\s/0-9][^\s/]*?)(?:\.(?:sh|bash|ksh))?|([^\s/0-9-][^\s/]*)\.sh){END}",
        "$1$2",
        "sh ",
        "path",
    ),
)

_BEAM: Final = r"(?s)^(?:\S*/)?beam(?:\.smp)? (?:.* )?"
_OTHERS: Final = (
    *scripts("perl", PERL, r"(?:\.p[lm])?", "perl"),
    Recipe(
        "dotnet: the assembly",
        r"(?s)^(?:\S*/)?dotnet (?:exec )?(?:--\S+ (?:[^\s-]\S* )??)*(?:\S*/)?([^\s/-][^\s/]*)\.dll"
        rf"{END}",
        "$1",
        ".dll",
        "path",
    ),
    Recipe(
        "mono: the program",
        rf"(?s)^(?:\S*/)?mono(?:-sgen)? (?:-\S+ )*(?:\S*/)?([^\s/-][^\s/]*)\.exe{END}",
        "$1",
        ".exe",
        "path",
    ),
    Recipe(
        "erlang: rabbitmq",
        rf"{_BEAM}-s(?:name)? rabbit(?:@\S+)?{END}",
        "rabbitmq",
        "rabbit",
    ),
    Recipe("erlang: the node", rf"{_BEAM}-s?name ([A-Za-z][\w-]*)(?:@\S+)?{END}", "$1", "beam"),
    Recipe(
        "erlang: the release",
        rf"{_BEAM}-boot {folder()}/releases/\S+{END}",
        "$1",
        "/releases/",
    ),
)

INTERPRETERS: Final = (*_PYTHON, *_NODE, *_RUBY, *_PHP, *_SHELL, *_OTHERS)
