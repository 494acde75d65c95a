"""The cycles of `sync`; the state of each is saved after its document has been written."""

# Annotations are not strings here: a NamedTuple compiles each string, at every start of proccli.

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from proccli.agent.inputs import Inputs
from proccli.commands.inputs import InputOptions, open_inputs, refuse_ps
from proccli.commands.samples import WaitPolicy
from proccli.commands.sync.sync import SyncResult, sync
from proccli.errors import ConfigError, ProccliError, UsageError
from proccli.files import read_file
from proccli.model.config import Config
from proccli.model.note import Note
from proccli.model.process import SHOWN_WITH_SOCKETS

if TYPE_CHECKING:
    from proccli.commands.sync.state.file import StateFile

_LEAST_INTERVAL_S = 1.0
_LOCK_SUFFIX = ".lock"


class Stopped(Exception):  # noqa: N818 - a request, not an error
    """The loop was asked to stop."""


class SyncPlan(NamedTuple):
    """The options of a run of `sync`."""

    inputs: InputOptions
    wait_policy: WaitPolicy
    once: bool
    interval_s: float | None = None
    """None: os-proc-socket-sync-interval, at least one second."""
    assume_enabled: bool = False
    state: str | None = None
    """A path; None: the default path for a live machine, and no state for a snapshot."""
    keep_state: bool = True
    out: str | None = None
    lock_timeout_s: float = 10.0


class Effects(NamedTuple):
    """What a run does besides reading: writing results and sleeping."""

    deliver: Callable[[SyncResult], bool]
    """Writes a result; returns whether it did (an unchanged one may be skipped)."""
    sleep: Callable[[float], None] = time.sleep
    """Raises Stopped to end the loop."""


def run_sync(plan: SyncPlan, effects: Effects) -> SyncResult | None:
    """The result of the last cycle; None if the loop was stopped before the first one ended.

    The state is saved after the document has been written: a run that is interrupted in between
    reports the same changes again next time.

    Raises: UsageError; ConfigError and SourceError of the first cycle; StateError, StateLocked.
    """
    _check(plan)
    last: SyncResult | None = None
    try:
        with _opened_store(plan, effects) as store:
            before, damage = store.load() if store is not None else (None, ())
            cycle_inputs = _CycleInputs(plan.inputs, assume_enabled=plan.assume_enabled)
            while True:
                began = time.monotonic()
                inputs = cycle_inputs.next(damage)
                last = sync(
                    inputs,
                    before,
                    plan.wait_policy,
                    remembering=store is not None,
                    assume_enabled=plan.assume_enabled,
                    final=plan.once and store is None,
                )
                before = last.memory
                if effects.deliver(last):
                    before = before._replace(written_to=_written_to(plan.out))
                damage = ()
                if store is not None:
                    store.save(before)
                if plan.once:
                    break
                interval_s = plan.interval_s or inputs.config.socket_sync_interval_s
                ends = began + max(interval_s, _LEAST_INTERVAL_S)
                effects.sleep(max(ends - time.monotonic(), 0.0))
    except Stopped:
        pass
    return last


def _check(plan: SyncPlan) -> None:
    """Raises: UsageError."""
    if not plan.once:
        if plan.inputs.snapshot is not None:
            raise UsageError("a snapshot does not change: add --once")
        if plan.inputs.tags == "-":
            raise UsageError(
                "--tags is read in every cycle: give a file instead of -, or add --once"
            )
    written = {"--out": {os.path.realpath(plan.out)}} if plan.out is not None else {}
    if plan.state is not None and plan.keep_state:
        state = os.path.realpath(plan.state)
        written["--state"] = {state, state + _LOCK_SUFFIX}
        if written.get("--out", set()) & written["--state"]:
            raise UsageError("--state and --out name the same file")
    read = {
        "--config": plan.inputs.config,
        "--snapshot": plan.inputs.snapshot,
        "--tags": plan.inputs.tags,
    }
    for name, path in read.items():
        for other, paths in written.items():
            if path not in (None, "-") and os.path.realpath(path or "") in paths:
                raise UsageError(f"{other} and {name} name the same file")


@contextmanager
def _opened_store(plan: SyncPlan, effects: Effects) -> Iterator["StateFile | None"]:
    """The locked state file; None if no state is kept. Raises: StateError, StateLocked."""
    if not plan.keep_state or (plan.state is None and plan.inputs.snapshot is not None):
        yield None
        return
    from proccli.commands.sync.state.file import StateFile
    from proccli.commands.sync.state.lock import locked
    from proccli.commands.sync.state.place import default_state, given_state

    path = given_state(plan.state) if plan.state is not None else default_state(_identity(plan))
    with locked(path, plan.lock_timeout_s, effects.sleep):
        yield StateFile(path)


def _identity(plan: SyncPlan) -> list[str]:
    """What each have their own state: runs with other inputs or another output file must not take
    changes away from the readers of this one."""
    options = plan.inputs
    config = options.config or ""
    return [
        os.path.realpath(config) if config not in ("", "-") else config,
        options.agent or "",
        options.via,
        options.proc_root or "",
        "assumed" if plan.assume_enabled else "",
        _written_to(plan.out) or "",
    ]


def _written_to(out: str | None) -> str | None:
    return None if out is None else os.path.realpath(out)


class _CycleInputs:
    """Reads the configuration again for each cycle; keeps the last one if it is invalid."""

    def __init__(self, options: InputOptions, *, assume_enabled: bool) -> None:
        self._options = options
        self._assume_enabled = assume_enabled
        self._text: bytes | None = None
        self._ran_command = False

    def next(self, damage: tuple[Note, ...]) -> Inputs:
        """The inputs of the next cycle.

        Raises: ConfigError if there is no earlier valid configuration; SourceError; UsageError.
        """
        options, warnings = self._options, damage
        try:
            if options.config is not None:
                text = self._text
                if text is None or options.config != "-":
                    text = read_file(options.config)
                options = options._replace(config_text=text)
            inputs = self._opened(options)
        except ConfigError as error:
            if self._text is None:
                raise
            warnings = (*warnings, _kept(error))
            # The tag command was allowed when this text was the content of the file.
            trusted = self._options.run_tag_exec or self._ran_command
            options = self._options._replace(config_text=self._text, run_tag_exec=trusted)
            inputs = self._opened(options)
        else:
            self._text = options.config_text
            self._ran_command = inputs.tags.known and inputs.tags.origin == inputs.config.key(
                "tag_exec"
            )
        return inputs._replace(notes=(*warnings, *inputs.notes))

    def _opened(self, options: InputOptions) -> Inputs:
        return refuse_ps(
            open_inputs(options, with_tags=self._matters, reads=SHOWN_WITH_SOCKETS), "sockets"
        )

    def _matters(self, config: Config) -> bool:
        return config.sync_enabled or self._assume_enabled


def _kept(error: ProccliError) -> Note:
    return Note.of("config-rejected", error.at, problem=error.problem, hint=error.hint)
