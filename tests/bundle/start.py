"""The start of proccli.pyz: finds a Python that is new enough, unpacks the modules, runs proccli.

Compiled modules can't be imported from an archive. They are unpacked once for each build, Python
and user: into /var/cache/proccli as root, else into ~/.cache/proccli; without a place that is safe,
into a temporary folder that is removed at the end.

The syntax is that of Python 2.7, so that an old Python prints a message and no traceback.
"""

from __future__ import print_function

import os
import sys

NEEDS = (3, 10)
NEWEST = (3, 20)
ROOT_CACHE = "/var/cache/proccli"


def main():
    # type: () -> int
    if sys.version_info < NEEDS:
        return other_python()
    site = unpacked(sys.path[0])
    sys.path[0] = site
    from proccli.__main__ import main as proccli

    return proccli()


def other_python():
    # type: () -> int
    """Run the newest Python in PATH instead; without one, say what is needed."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    for minor in range(NEWEST[1], NEEDS[1] - 1, -1):
        for folder in folders:
            python = os.path.join(folder or ".", "python3.%d" % minor)
            if os.path.isfile(python) and os.access(python, os.X_OK):
                sys.stdout.flush()
                try:
                    os.execv(python, [python] + sys.argv)
                except OSError:
                    pass
    print(
        "proccli: error: needs Python 3.10 or newer; this is Python %d.%d (%s), and no newer one is"
        " in PATH" % (sys.version_info[:2] + (sys.executable,)),
        file=sys.stderr,
    )
    return 2


def unpacked(archive):
    # type: (str) -> str
    """The folder with the modules of this archive for this Python."""
    import zipfile

    with zipfile.ZipFile(archive) as file:
        own = "cp%d%d-%s" % (sys.version_info[0], sys.version_info[1], os.uname()[4])
        names = file.namelist()
        has = sorted({name.split("/")[0] for name in names if name.startswith("cp")})
        if own not in has:
            print(
                "proccli: error: this file has no modules for %s, but for %s; install the wheel"
                " instead (docs/install.md)" % (own, ", ".join(has)),
                file=sys.stderr,
            )
            sys.exit(2)
        build = file.read("BUILD").decode("ascii").strip()
        wanted = [name for name in names if name.split("/")[0] in ("common", own)]
        cache = cache_folder()
        if cache is not None:
            place = os.path.join(cache, "%s-%s" % (build, own))
            if os.path.isdir(place) or moved_into_place(file, wanted, cache, place):
                return place
        import atexit
        import shutil
        import tempfile

        place = tempfile.mkdtemp(prefix="proccli-")
        atexit.register(shutil.rmtree, place, True)
        extract(file, wanted, place)
        return place


def cache_folder():
    # type: () -> str | None
    """A folder that only this user can change, or None."""
    if os.geteuid() == 0:
        folder = ROOT_CACHE
    else:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        if not os.path.isabs(base):
            return None
        folder = os.path.join(base, "proccli")
    try:
        os.makedirs(folder, 0o700, exist_ok=True)
        status = os.lstat(folder)
    except OSError:
        return None
    import stat

    safe = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
    return folder if safe and not status.st_mode & 0o022 else None


def moved_into_place(file, names, cache, place):
    # type: (object, list[str], str, str) -> bool
    """Unpack beside the place and rename, so that the place is always whole."""
    import shutil
    import tempfile

    try:
        beside = tempfile.mkdtemp(prefix=".new-", dir=cache)
    except OSError:
        return False
    try:
        extract(file, names, beside)
        os.rename(beside, place)
    except OSError:
        shutil.rmtree(beside, True)
        return os.path.isdir(place)  # another process was first
    return True


def extract(file, names, folder):
    # type: (object, list[str], str) -> None
    """Unpack entries without the first part of their names."""
    for name in names:
        target = os.path.join(folder, *name.split("/")[1:])
        if name.endswith("/"):
            continue
        parent = os.path.dirname(target)
        if not os.path.isdir(parent):
            os.makedirs(parent)
        with open(target, "wb") as out:
            out.write(file.read(name))  # type: ignore[attr-defined]


if __name__ == "__main__":
    sys.exit(main())
