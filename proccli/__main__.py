"""The program: `proccli`, or `python -m proccli`."""

from __future__ import annotations

import sys

from proccli.errors import EXIT_INTERRUPTED


def main() -> int:
    """Run the command line; the exit code comes back."""
    try:
        from proccli.cli.main import run

        return run(sys.argv[1:])
    except KeyboardInterrupt:  # while still importing, or while already reporting
        return EXIT_INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
