"""Cycle after cycle of `sync`, each remembered when its document is safely out."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from proccli.agent.inputs import Inputs
from proccli.commands.inputs import COMMAND, InputOptions, open_inputs
from proccli.commands.samples import WaitPolicy
from proccli.commands.sync.state.file import StateFile
from proccli.commands.sync.state.lock import locked
from proccli.commands.sync.state.place import default_state, given_state
from proccli.commands.sync.sync import SyncResult, sync
from proccli.errors import ConfigError, ProccliError, UsageError
from proccli.files import read_file
from proccli.model.config import Config
from proccli.model.note import Note

_LEAST_INTERVAL_S = 1.0
_LOCK_SUFFIX = ".lock"


class Stopped(Exception):  # noqa: N818 - not an error: a loop that was stopped
    """Nobody wants another cycle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncPlan:
    """What a user asks of `sync`."""

    inputs: InputOptions
    wait_policy: WaitPolicy
    once: bool
    interval_s: float | None = None
    """None: os-proc-socket-sync-interval, at least a second."""
    assume_enabled: bool = False
    state: str | None = None
    """A path; None: the default one of a live machine, and none for a snapshot."""
    keep_state: bool = True
    out: str | None = None
    lock_timeout_s: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a run speaks to the world."""

    deliver: Callable[[SyncResult], bool]
    """Puts a result safely out, and tells whether it wrote it (an unchanged one it need not)."""
    sleep: Callable[[float], None] = time.sleep
    """Raises Stopped to end the loop."""


def run_sync(plan: SyncPlan, way: Way) -> SyncResult | None:
    """The last cycle's result; None if there was none before the loop was stopped.

    The state moves on when the document is out: whoever is interrupted in between tells the same
    changes again.

    Raises: UsageError; ConfigError, SourceError, for the first cycle's; StateError, StateLocked.
    """
    _check(plan)
    last: SyncResult | None = None
    try:
        with _opened_store(plan, way) as store:
            before, damage = store.load() if store is not None else (None, ())
            feed = _Feed(plan.inputs, assume_enabled=plan.assume_enabled)
            while True:
                began = time.monotonic()
                inputs = feed.next(damage)
                last = sync(
                    inputs,
                    before,
                    plan.wait_policy,
                    remembering=store is not None,
                    assume_enabled=plan.assume_enabled,
                )
                before = last.memory
                if way.deliver(last):
                    before = replace(before, written_to=_written_to(plan.out))
                damage = ()
                if store is not None:
                    store.save(before)
                if plan.once:
                    break
                interval_s = plan.interval_s or inputs.config.socket_sync_interval_s
                ends = began + max(interval_s, _LEAST_INTERVAL_S)
                way.sleep(max(ends - time.monotonic(), 0.0))
    except Stopped:
        pass
    return last


def _check(plan: SyncPlan) -> None:
    """Raises: UsageError."""
    if not plan.once:
        if plan.inputs.snapshot is not None:
            raise UsageError("a snapshot doesn't change: --once is enough for it")
        if plan.inputs.tags == "-":
            raise UsageError("--tags is read in every cycle: give a file, or --once")
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
def _opened_store(plan: SyncPlan, way: Way) -> Iterator[StateFile | None]:
    """The store, locked; None where nothing is to be remembered. Raises: StateError."""
    if not plan.keep_state or (plan.state is None and plan.inputs.snapshot is not None):
        yield None
        return
    path = given_state(plan.state) if plan.state is not None else default_state(_identity(plan))
    with locked(path, plan.lock_timeout_s, way.sleep):
        yield StateFile(path)


def _identity(plan: SyncPlan) -> list[str]:
    """What has a state of its own: who reads the results of another question, or from another
    place, must not take the news away from the readers of this one."""
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


class _Feed:
    """What each cycle looks at: the configuration as it is by then, if the agent would take it."""

    def __init__(self, options: InputOptions, *, assume_enabled: bool) -> None:
        self._options = options
        self._assume_enabled = assume_enabled
        self._text: bytes | None = None
        self._ran_command = False

    def next(self, damage: tuple[Note, ...]) -> Inputs:
        """Raises: ConfigError where there is no earlier configuration to go on with; SourceError;
        UsageError."""
        options, warnings = self._options, damage
        try:
            if options.config is not None:
                text = self._text
                if text is None or options.config != "-":
                    text = read_file(options.config)
                options = replace(options, config_text=text)
            inputs = self._opened(options)
        except ConfigError as error:
            if self._text is None:
                raise
            warnings = (*warnings, _kept(error))
            # It was trusted with its command when it was the file's content.
            trusted = self._options.run_tag_exec or self._ran_command
            options = replace(self._options, config_text=self._text, run_tag_exec=trusted)
            inputs = self._opened(options)
        else:
            self._text = options.config_text
            self._ran_command = inputs.tags.known and inputs.tags.origin == COMMAND
        return replace(inputs, notes=(*warnings, *inputs.notes))

    def _opened(self, options: InputOptions) -> Inputs:
        return open_inputs(options, with_tags=self._matters)

    def _matters(self, config: Config) -> bool:
        return config.sync_enabled or self._assume_enabled


def _kept(error: ProccliError) -> Note:
    return Note.of("config-rejected", error.at, problem=error.problem, hint=error.hint)
