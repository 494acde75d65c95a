"""Commands and options whose help starts with examples and has sections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import click
from click.core import ParameterSource

from proccli.cli.output import Invocation, terminal_width, write

Example: TypeAlias = tuple[str, str]
"""A command line and its purpose."""

SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

FEW_OPTIONS: Final = 12
"""With more options than these, `-h` shows the common ones and `--help` all of them."""

_FEW_EXAMPLES: Final = 3
_BRIEF: Final = "proccli.brief"


class Option(click.Option):
    """An option with its section in the help; `rare`: not in the short help."""

    def __init__(
        self, *args: Any, section: str = "Other options", rare: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.section = section
        self.rare = rare


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
        self._brief_help = Option(
            ["-h"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_show_brief_help,
            help="Show the common options and exit.",
        )

    @property
    def has_brief_help(self) -> bool:
        """Whether `-h` shows less than `--help`."""
        return sum(isinstance(one, Option) for one in self.params) > FEW_OPTIONS

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The remaining arguments. Raises: click.UsageError, always with its command."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx  # click has none for an option without its argument
            raise

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The parameters, with `-h` before `--help` where they differ."""
        *own, shown = super().get_params(ctx)
        return [*own, self._brief_help, shown] if self.has_brief_help else [*own, shown]

    def get_help(self, ctx: click.Context) -> str:
        """The whole help text, wrapped as click does, which would load shutil for the width."""
        most = ctx.max_content_width or 80
        ctx.terminal_width = max(min(terminal_width(), most) - 2, 50)
        return super().get_help(ctx)

    def get_help_option(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
    ) -> click.Option | None:
        """`--help`, printed like any result, so that a closed pipe is handled."""
        return Option(
            ["--help"] if self.has_brief_help else ["-h", "--help"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_show_help,
            help="Show this message and exit.",
        )

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The whole help text."""
        brief = ctx.meta.get(_BRIEF, False)
        summary, _, details = (self.help or "").partition("\n\n")
        formatter.write_text(summary)
        format_examples(self.examples[: _FEW_EXAMPLES if brief else None], formatter)
        formatter.write_paragraph()
        self.format_usage(ctx, formatter)
        for paragraph in filter(None, () if brief else details.split("\n\n")):
            formatter.write_paragraph()
            formatter.write_text(" ".join(paragraph.split()))
        self.format_options(ctx, formatter)
        if brief:
            formatter.write_paragraph()
            formatter.write_text(f"{ctx.command_path} --help shows all options and the details.")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options by section, in the order in which the sections first appear."""
        sections: dict[str, list[tuple[str, str]]] = {}
        brief = ctx.meta.get(_BRIEF, False)
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is None or not isinstance(parameter, Option) or (brief and parameter.rare):
                continue
            if brief:
                first, _, _ = (parameter.help or "").partition(". ")
                record = (record[0], f"{first.removesuffix('.')}.")
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


def keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    """The callback of an option that errors need: keeps its value in the invocation."""
    invocation = ctx.find_object(Invocation)
    # A default must not undo what was given before the command.
    given = ctx.get_parameter_source(param.name or "") is not ParameterSource.DEFAULT
    if invocation is not None and param.name and given:
        setattr(invocation, param.name, value)


def _show_help(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        write(ctx.get_help() + "\n")
        ctx.exit()


def _show_brief_help(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    ctx.meta[_BRIEF] = value
    _show_help(ctx, param, value)
