"""Recipes for programs that write their own titles, and for the names of plain programs."""

from __future__ import annotations

from typing import Final

from proccli.commands.suggest.recipe import END, Recipe, folder

TITLES: Final = (
    Recipe("php-fpm, by its pool", r"(?s)^php-fpm: pool (\S+).*$", "php-fpm-$1", "php-fpm: pool "),
    Recipe(
        "gunicorn, by its application",
        r"(?s)^gunicorn: \w+ \[(.+)\]$",
        "gunicorn-$1",
        "gunicorn: ",
    ),
    Recipe(
        "puma, by its application",
        r"(?s)^puma(?:: cluster worker [0-9]+: [0-9]+| [0-9]\S* \(.*\)) \[([A-Za-z_][^\]]*)\]$",
        "puma-$1",
        "puma",
    ),
    Recipe("puma", r"(?s)^puma[: ].*$", "puma", "puma"),
    Recipe(
        "unicorn, by its application",
        r"(?s)^unicorn(?:_rails)? (?:master|worker\[[0-9]+\]) (?:.* )?-c /?"
        rf"{folder()}(?:/unicorn)?/[^\s/]+{END}",
        "unicorn-$1",
        "unicorn",
    ),
    Recipe(
        "unicorn",
        r"(?s)^unicorn(?:_rails)? (?:master|worker\[[0-9]+\]).*$",
        "unicorn",
        "unicorn",
    ),
    Recipe(
        "sidekiq, by its application", r"(?s)^sidekiq [0-9]\S* (\S+) \[.*$", "sidekiq-$1", "sidekiq"
    ),
    Recipe(
        "Passenger, by its application",
        rf"(?s)^Passenger \w+: /?{folder()} \(.*$",
        "passenger-$1",
        "Passenger ",
    ),
    Recipe("celery", r"(?s)^\[celeryd: .*$", "celery", "[celeryd: "),
    Recipe("celery beat", r"(?s)^\[celery beat\].*$", "celery-beat", "[celery beat]"),
    Recipe(
        "uwsgi",
        r"(?s)^(?:\[[^\]]*\] )?uWSGI (?:master|worker|http|emperor|spooler).*$",
        "uwsgi",
        "uWSGI ",
    ),
    Recipe("pm2", r"(?s)^PM2 v.*$", "pm2", "PM2 v"),
    Recipe("a command of npm", r"(?s)^(npm|pnpm|yarn) .*$", "$1", "n"),
    Recipe(
        "a title: the program before its colon",
        r"(?s)^(?:\S*/)?([A-Za-z][\w.+-]*?)(?:-v?[0-9][\w.]*)?: .*$",
        "$1",
        ": ",
    ),
    Recipe(
        "a title: the program before its parentheses",
        r"(?s)^(?:\S*/)?([A-Za-z][\w.+-]*) \([^)]*\)$",
        "$1",
        " (",
    ),
    Recipe(
        "a title: the program before its address",
        r"(?s)^(?:\S*/)?([A-Za-z][\w.+-]*) \S*:[0-9]+(?: \[\w+\])?$",
        "$1",
        ":",
    ),
    Recipe(
        "a helper of Erlang",
        r"(?s)^(?:\S*/)?(erl_child_setup|inet_gethost) [0-9]+$",
        "$1",
        "_",
    ),
    Recipe(
        "a game server, by its game",
        rf"(?s)^(?:\S*/)?(srcds|hlds)\w* (?:.* )?-game (\S+){END}",
        "$1-$2",
        "-game ",
    ),
    Recipe(
        "a program without the number of its instance",
        r"(?s)^(?:\S*/)?([A-Za-z][A-Za-z_-]+)\.[0-9]+$",
        "$1",
        ".",
    ),
    Recipe(
        "a program without its platform",
        r"(?s)^(?:\S*/)?([A-Za-z0-9][^\s/]*?)(?:\.bin)?[._-](?:x86_64|amd64|arm64|aarch64)"
        rf"{END}",
        "$1",
        "64",
    ),
    Recipe(
        "a program without its version",
        rf"(?s)^(?:\S*/)?([A-Za-z][^\s/]*?)[-_]v?[0-9]+(?:\.[0-9]+)+[^\s/]*{END}",
        "$1",
        ".",
    ),
)
