"""Runs commands for bench.py and tells what each used.

Reads a request a line, `{"command": [...], "stdout": PATH}`, and answers with a line of JSON.

It is a program of its own because a process counts the memory that it shared with its parent before
it executed a command: so the parent must be small. It imports next to nothing, and forks, as
a copy has less resident memory than its original.
"""

import json
import os
import sys
import tempfile
import time


def main() -> None:
    with tempfile.TemporaryFile() as errors:
        for line in sys.stdin:
            request = json.loads(line)
            errors.truncate(0)
            since = time.perf_counter()
            pid = os.fork()
            if pid == 0:
                _execute(request["command"], request["stdout"], errors.fileno())
            _, status, used = os.wait4(pid, 0)
            wall_s = time.perf_counter() - since
            errors.seek(0)
            answer = {
                "wall_s": wall_s,
                "cpu_s": used.ru_utime + used.ru_stime,
                "peak_kib": used.ru_maxrss,
                "code": os.waitstatus_to_exitcode(status),
                "errors": errors.read().decode(errors="replace")[-2000:],
            }
            print(json.dumps(answer), flush=True)


def _execute(command: list[str], stdout: str, errors: int) -> None:
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(os.open(stdout, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 1)
        os.dup2(errors, 2)
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, f"{command[0]}: {error}".encode())
    finally:
        os._exit(127)


if __name__ == "__main__":
    main()
