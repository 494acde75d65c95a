"""`proccli record`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click
from click.core import ParameterSource

from proccli.cli.help import CommandWithExamples
from proccli.cli.messages import print_message, print_result, warn
from proccli.cli.output import Invocation, require_stdout, view_of
from proccli.commands.options.output import (
    INPUT_PATH,
    Output,
    general_options,
    option,
    output_options,
    strict_option,
)
from proccli.commands.options.source import no_nan, source_options, wait_options
from proccli.errors import EXIT_INCOMPLETE, EXIT_INPUT, SourceError
from proccli.text import counted

if TYPE_CHECKING:
    from proccli.commands.inputs import InputOptions
    from proccli.commands.record.hosts import Recorder
    from proccli.commands.record.record import RecordedHosts, RecordResult
    from proccli.commands.samples import WaitPolicy

_HOSTS: Final = "Options for other hosts"


@click.command(
    "record",
    cls=CommandWithExamples,
    examples=(
        ("proccli record -c agent.yaml web-1.jsonl.gz", "Record this machine, with secrets masked"),
        (
            "proccli scan -c agent.yaml -s web-1.jsonl.gz",
            "Analyse the recording later or on another machine",
        ),
        (
            "proccli record -c agent.yaml --ssh web-1 --sudo web-1.jsonl.gz",
            "Record another machine, which needs no proccli",
        ),
        (
            "proccli record -c agent.yaml --hosts hosts.txt --sudo recordings/",
            "Record all hosts of a list",
        ),
    ),
)
@click.argument("path", type=click.Path(allow_dash=True))
@option(
    "--no-redact",
    section="Recording options",
    is_flag=True,
    help="Do not mask secrets: write command lines with their passwords and tokens.",
)
@option(
    "--show-masked",
    section="Recording options",
    is_flag=True,
    help="List what the masked values were recognized by: names of options and variables.",
)
@option("--force", section="Recording options", is_flag=True, help="Overwrite an existing file.")
@option(
    "--ssh",
    "destination",
    section=_HOSTS,
    metavar="[USER@]HOST[:PORT]",
    once=True,
    help="Record this host through ssh. It needs Python (2.7, or 3.4 and newer) or a POSIX shell.",
)
@option(
    "--hosts",
    section=_HOSTS,
    metavar="FILE",
    type=INPUT_PATH,
    once=True,
    help="Record the hosts in FILE, one a line (- reads standard input). PATH is a directory, which"
    " gets a file HOST.jsonl.gz for each.",
)
@option(
    "--missing",
    section=_HOSTS,
    is_flag=True,
    help="With --hosts: record only the hosts that have no file in the directory yet.",
)
@option(
    "--jobs",
    section=_HOSTS,
    metavar="N",
    type=click.IntRange(1, 256),
    default=16,
    show_default=True,
    help="With --hosts: number of hosts recorded at the same time.",
)
@option(
    "--sudo", section=_HOSTS, is_flag=True, help="Run the collector there with sudo -n, as root."
)
@option(
    "--ssh-option",
    "ssh_options",
    section=_HOSTS,
    metavar="NAME=VALUE",
    multiple=True,
    help="Option for ssh -o, such as ConnectTimeout=5. Repeatable.",
)
@option(
    "--timeout",
    section=_HOSTS,
    metavar="SECONDS",
    type=click.FloatRange(min=0, min_open=True, max=86_400),
    callback=no_nan,
    default=120.0,
    show_default=True,
    help="Time limit for one host.",
)
@source_options
@wait_options
@strict_option
@output_options
@general_options
def command(
    *,
    options: InputOptions,
    path: str,
    no_redact: bool,
    show_masked: bool,
    force: bool,
    destination: str | None,
    hosts: str | None,
    missing: bool,
    jobs: int,
    sudo: bool,
    ssh_options: Sequence[str],
    timeout: float,
    wait_policy: WaitPolicy,
    strict: bool,
    output: Output,
    invocation: Invocation,
) -> int:
    """Save a snapshot to analyse later or on another machine.

    PATH is a JSON Lines file, compressed if its name ends in .gz, or - for standard output. Only
    its owner can read it. Secrets in command lines are masked; then the rules are run again, and
    the command reports whether masking changed any outcome under this configuration. If the age
    of a socket is unknown, a live machine is sampled a second time, after the minimum lifetime.

    Run it as root, with the configuration whose rules will be applied to the recording: what only
    root can read is otherwise missing, and rules on masked values cannot be decided.

    With --ssh or --hosts, other hosts are recorded through the ssh of this machine, with its
    configuration and keys. Nothing is installed or written there; secrets are masked here, before
    anything is stored. Hosts that fail are listed at the end, and the exit code is 3.
    """
    output = _output_format(output, path)
    over_ssh = destination is not None or hosts is not None
    _check(options, path, destination, hosts, missing=missing)
    if over_ssh:
        from proccli.commands.inputs import read_config_once
        from proccli.commands.record.hosts import Recorder, with_needs
        from proccli.commands.record.ssh import SshOptions

        options = read_config_once(options._replace(snapshot=None, proc_root=None))
        ssh = SshOptions(ssh_options=tuple(ssh_options), sudo=sudo, timeout_s=timeout)
        ssh = with_needs(ssh, options, wait_policy)
        recorder = Recorder(options=options, ssh=ssh, redact=not no_redact, force=force)
        if hosts is not None:
            return _record_list(
                recorder,
                hosts,
                path,
                jobs=jobs,
                missing=missing,
                show_masked=show_masked,
                strict=strict,
                output=output,
                invocation=invocation,
            )
    if path == "-":
        require_stdout()
    if destination is not None:
        result, recorded = _record_one(recorder, destination, path)
    else:
        result, recorded = _record_source(
            options, path, redact=not no_redact, force=force, wait_policy=wait_policy
        )
    from proccli.commands.record.output import record_message

    print_message(
        record_message(
            result,
            redact=not no_redact,
            with_config=options.config is not None,
            host=recorded.hosts[0].host,
        )
    )
    if show_masked:
        _show_masked([result])
    _print_document(recorded, output, invocation)
    warn(invocation, result.notes)
    return EXIT_INCOMPLETE if strict and result.incomplete else 0


def _output_format(output: Output, path: str) -> Output:
    """Raises: click.UsageError."""
    if path != "-" or output == "table":
        return output
    if _typed("output") or _typed("as_json"):
        raise click.UsageError("--json and the path - both print to standard output")
    return "table"


def _check(
    options: InputOptions, path: str, destination: str | None, hosts: str | None, *, missing: bool
) -> None:
    """Raises: click.UsageError; SourceError."""
    if destination is not None and hosts is not None:
        raise click.UsageError("--ssh and --hosts name different hosts: give one of them")
    if hosts is None and (missing or _typed("jobs")):
        raise click.UsageError("--missing and --jobs need --hosts FILE")
    if destination is not None or hosts is not None:
        _check_sources(options, "--ssh" if hosts is None else "--hosts")
    elif any(map(_typed, ("sudo", "ssh_options", "timeout"))):
        raise click.UsageError("--sudo, --ssh-option and --timeout need --ssh HOST or --hosts FILE")
    if hosts is not None:
        if hosts == "-" and "-" in (options.config, options.tags):
            raise click.UsageError("only one of -c, --tags and --hosts can read standard input")
        if path == "-":
            raise click.UsageError("--hosts writes one recording per host: PATH is a directory")
        if options.tags is not None:
            raise click.UsageError("--tags is the output of one host, and --hosts names several")


def _check_sources(options: InputOptions, of_hosts: str) -> None:
    """Raises: click.UsageError for another source than the hosts."""
    for name, written in (("snapshot", "--snapshot"), ("proc_root", "--proc-root")):
        if _typed(name):
            raise click.UsageError(f"{of_hosts} and {written} name different sources")
    if options.run_tag_exec:
        raise click.UsageError(f"--run-tag-exec needs this machine, and {of_hosts} names others")


def _typed(name: str) -> bool:
    source = click.get_current_context().get_parameter_source(name)
    return source is ParameterSource.COMMANDLINE


def _record_source(
    options: InputOptions, path: str, *, redact: bool, force: bool, wait_policy: WaitPolicy
) -> tuple[RecordResult, RecordedHosts]:
    from proccli.commands.inputs import open_inputs, refuse_ps
    from proccli.commands.record.record import HostRecord, RecordedHosts, record

    inputs = refuse_ps(open_inputs(options), "content to record: arguments, programs, sockets")
    result = record(inputs, path, redact=redact, force=force, wait_policy=wait_policy)
    host = HostRecord(host=None, result=result)
    return result, RecordedHosts(hosts=(host,), skipped=0, notes=result.notes)


def _record_one(
    recorder: Recorder, destination: str, path: str
) -> tuple[RecordResult, RecordedHosts]:
    """Raises: SourceError if the host fails."""
    from proccli.commands.record.destinations import parse_destination
    from proccli.commands.record.hosts import record_host
    from proccli.commands.record.record import RecordedHosts
    from proccli.commands.record.ssh import HostFailed

    try:
        host = parse_destination(destination)
    except ValueError as error:
        raise click.UsageError(f"--ssh: {destination!r} {error}") from error
    try:
        record = record_host(recorder, host, path)
    except HostFailed as failed:
        raise SourceError(f"{destination}: {failed.reason}: {failed.detail}") from failed
    result = record.result
    assert result is not None  # noqa: S101 - it did not fail
    return result, RecordedHosts(hosts=(record,), skipped=0, notes=result.notes)


def _record_list(
    recorder: Recorder,
    file: str,
    folder: str,
    *,
    jobs: int,
    missing: bool,
    show_masked: bool,
    strict: bool,
    output: Output,
    invocation: Invocation,
) -> int:
    import sys

    from proccli.cli.progress import progress_bar
    from proccli.commands.record.destinations import read_destinations
    from proccli.commands.record.hosts import record_hosts
    from proccli.commands.record.output import failures_text, hosts_message

    listed = read_destinations(file)
    with progress_bar(invocation, len(listed.hosts), "Hosts") as progress:
        recorded = record_hosts(
            recorder, listed.hosts, folder, jobs=jobs, missing=missing, progress=progress
        )
    recorded = recorded.with_notes(listed.notes)
    print_message(hosts_message(folder, recorded, redact=recorder.redact))
    if show_masked:
        _show_masked(recorded.recorded)
    if output == "table":
        text = failures_text(recorded.failed, view_of(sys.stdout, invocation.colour))
        print_result(invocation, text, recorded.notes)
    else:
        _print_document(recorded, output, invocation)
        warn(invocation, recorded.notes)
    if recorded.failed:
        return EXIT_INPUT
    incomplete = any(result.incomplete for result in recorded.recorded)
    return EXIT_INCOMPLETE if strict and incomplete else 0


def _print_document(recorded: RecordedHosts, output: Output, invocation: Invocation) -> None:
    from proccli.commands.record.output import record_document, record_lines

    if output != "table":
        document = record_document if output == "json" else record_lines
        print_result(invocation, document(recorded), ())


_NAME_LENGTH = 60


def _show_masked(results: Sequence[RecordResult]) -> None:
    from collections import Counter

    total: Counter[str] = Counter()
    for result in results:
        total.update(dict(result.masked_by))
    for found_by, count in total.most_common():
        name = found_by if len(found_by) <= _NAME_LENGTH else f"{found_by[:_NAME_LENGTH]}…"
        print_message(f"masked {counted(count, 'value')}: {name}")
