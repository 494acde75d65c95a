"""The program: `proccli`, or `python -m proccli`."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # as in typing, which takes longer to load than all that --version does
if TYPE_CHECKING:
    from typing import NoReturn


def exit_code() -> int:
    """Run the command line and return its exit code."""
    # All else is imported in here: an interrupt that hits an import outside ends in a traceback.
    try:
        import gc

        # Loading modules makes many objects and no garbage: to look for it costs 6 % of a start.
        gc.set_threshold(50_000)
        command, *options = sys.argv[1:] or ("",)
        one_host = not any(option.startswith("--host") for option in options)
        if (
            command in ("scan", "sockets")
            or (command == "sync" and "--once" in options)
            or (command == "record" and one_host)
        ):
            # They read once, and keep what they read until they end: a tenth of their time.
            gc.disable()
        if sys.argv[1:] in (["--version"], ["-V"]) and _version_printed():
            return 0
        from proccli.cli.main import run

        return run(sys.argv[1:])
    except KeyboardInterrupt:  # while still importing, or while already reporting
        return 130  # errors.EXIT_INTERRUPTED, which may not be there yet


def main() -> NoReturn:
    """Run the command line and end the process, at once if nothing is left to do.

    All output is written by then. Freeing every object one by one, as Python does at its end, takes
    a sixth of a short run; the kernel frees the memory anyway.
    """
    code = exit_code()
    # Pools of processes are ended by functions that `sys.exit` calls, and profilers report then.
    if "multiprocessing" in sys.modules or sys.getprofile() or sys.gettrace():
        sys.exit(code)
    import os

    if (workers := sys.modules.get("proccli.sources.procfs.workers")) is not None:
        workers.end_all()
    os._exit(code)


def _version_printed() -> bool:
    """Print the version without importing click. If that fails, click's way reports the error."""
    import os

    # Shell completion runs the program with this variable set.
    if sys.stdout is None or "_PROCCLI_COMPLETE" in os.environ:
        return False
    from proccli import __version__

    text = f"proccli {__version__}\n".encode()
    try:
        return os.write(sys.stdout.fileno(), text) == len(text)
    except (OSError, ValueError):  # a full disk, a closed pipe, or a stream without a descriptor
        return False


if __name__ == "__main__":
    main()
