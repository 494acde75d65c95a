"""Commands and options whose help starts with examples and has sections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import click

from proccli.cli.output import terminal_width, write

Example: TypeAlias = tuple[str, str]
"""A command line and its purpose."""

SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class Option(click.Option):
    """An option with its section in the help."""

    def __init__(self, *args: Any, section: str = "Other options", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.section = section


class OnceOption(Option):
    """An option that can be given only once: of two files, neither is silently ignored."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # click keeps all values of a repeatable option, and only the last one of another.
        super().__init__(*args, multiple=True, **kwargs)

    def value_from_envvar(self, ctx: click.Context) -> Any:
        """The variable is one value, whatever it contains."""
        value = self.resolve_envvar_value(ctx)
        return None if value is None else (value,)

    def process_value(self, ctx: click.Context, value: Any) -> Any:
        """The value, or None. Raises: click.UsageError if there are several."""
        values = super().process_value(ctx, value)
        if not isinstance(values, tuple) or not values:
            return None
        if len(values) > 1:
            raise click.UsageError(f"{' / '.join(self.opts)} can be given only once", ctx)
        return values[0]


class CommandWithExamples(click.Command):
    """A command whose help is: summary, examples, usage, details, options."""

    def __init__(self, *args: Any, examples: Sequence[Example] = (), **kwargs: Any) -> None:
        kwargs.setdefault("context_settings", SETTINGS)
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)

    def get_help(self, ctx: click.Context) -> str:
        """The whole help text, wrapped as click does, which would load shutil for the width."""
        most = ctx.max_content_width or 80
        ctx.terminal_width = max(min(terminal_width(), most) - 2, 50)
        return super().get_help(ctx)

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """`--help`, printed like any result, so that a closed pipe is handled."""
        names = self.get_help_option_names(ctx)
        return Option(
            names,
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_show_help,
            help="Show this message and exit.",
        )

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The whole help text."""
        summary, _, details = (self.help or "").partition("\n\n")
        formatter.write_text(summary)
        format_examples(self.examples, formatter)
        formatter.write_paragraph()
        self.format_usage(ctx, formatter)
        for paragraph in filter(None, details.split("\n\n")):
            formatter.write_paragraph()
            formatter.write_text(" ".join(paragraph.split()))
        self.format_options(ctx, formatter)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options by section, in the order in which the sections first appear."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, Option):
                sections.setdefault(parameter.section, []).append(record)
        other = sections.pop("Other options", [])
        for section, records in [*sections.items(), ("Other options", other)]:
            with formatter.section(section):
                formatter.write_dl(records)


def format_examples(examples: Sequence[Example], formatter: click.HelpFormatter) -> None:
    """Command lines as they are typed, each below its purpose."""
    formatter.write_paragraph()
    formatter.write_heading("Examples")
    for command, purpose in examples:
        formatter.write(f"  # {purpose}\n  {command}\n")


def _show_help(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        write(ctx.get_help() + "\n")
        ctx.exit()
