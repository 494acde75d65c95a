"""The program: `proccli`, or `python -m proccli`."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line; the exit code comes back."""
    # All else is imported in here: an interrupt that hits an import outside ends in a traceback.
    try:
        from proccli.cli.main import run

        return run(sys.argv[1:])
    except KeyboardInterrupt:  # while still importing, or while already reporting
        return 130  # errors.EXIT_INTERRUPTED, which may not be there yet


if __name__ == "__main__":
    sys.exit(main())
