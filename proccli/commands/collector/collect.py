"""Write a recording of this machine's processes to standard output, without an installation.

    ssh web-1 python3 - < collect.py > web-1.raw.jsonl
    proccli record -c agent.yaml -s web-1.raw.jsonl web-1.jsonl.gz

SECRETS ARE NOT MASKED: the output holds whole command lines, with their passwords and tokens. Only
`proccli record` masks them. Keep the output private, and delete it afterwards.

It is read from standard input, takes no arguments, and writes nothing to the machine. It runs on
Python 2.7, and 3.4 and newer, and uses the standard library alone. Run it as root: what only root
can read is otherwise missing. It looks at the sockets twice, three seconds apart, because the first
look at a socket leaves its age open; an argument is another number of seconds, and 0 looks once.
Further arguments are names of variables of the running deepflow-agent, which rules mention.

Printed by `proccli collector`. The format: docs/recording.md.
"""
# In proccli's own package, proccli.sources reads the same; the tests compare both. Here the syntax
# is that of Python 2.7, so types are comments.

from __future__ import print_function

import sys

# The program comes from standard input: the directory where it starts is no place for modules.
sys.path[:] = [folder for folder in sys.path if folder not in ("", ".")]

import base64
import binascii
import errno
import json
import os
import re
import socket
import stat
import time
from collections import OrderedDict

MYPY = False
if MYPY:
    from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple, Union

    Line = List[Tuple[str, Any]]
    Error = Dict[str, str]
    Socket = Tuple[int, int, int, str]
    Table = Tuple[str, List[List[Any]], Optional[Error]]
    Key = Tuple[int, Optional[int], int, int]

PROCCLI = "0"  # `proccli collector` writes its own version here
FORMAT_VERSION = 2
WAIT_S = 3.0

NS_PER_S = 1000000000
CHUNK = 1 << 16
MAX_FILE_BYTES = 8 << 20
MAX_PASSWD_BYTES = 8 << 20
MAX_USERS = 400000
MAX_CGROUP_BYTES = 1 << 20
MAX_STAT_BYTES = 4096
MAX_TABLE_BYTES = 1 << 30
MAX_ROW_BYTES = 4096
MAX_PIECES = 100000
MAX_LINE_BYTES = 64 << 20
MAX_RECORDING_BYTES = 1 << 30
SOCKETS_PER_LINE = 10000
ROWS_PER_LINE = 10000
MAX_PID = 2**31 - 1
MAX_U32 = 2**32 - 1
MAX_U64 = 2**64 - 1

# Python 2 has no name for it. All architectures but alpha, parisc and sparc have this number.
O_PATH = getattr(os, "O_PATH", 0o10000000)
DIRECTORY = O_PATH | os.O_DIRECTORY
# Neither a FIFO nor a terminal in place of a file may block us.
READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY

PROCESS_FIELDS = ("uid", "stat", "status", "cmdline", "exe", "netns", "cgroup", "root_inode")
NOT_THERE = (errno.ENOENT, errno.ESRCH, errno.ENOTDIR, errno.ENAMETOOLONG)


class Unreadable(Exception):
    """A value can't be read, and why."""

    def __init__(self, problem, detail):
        # type: (str, str) -> None
        Exception.__init__(self, problem, detail)
        self.problem = problem
        self.detail = detail


class TooLarge(Exception):
    """A recording may not hold as much."""


def errno_name(error):
    # type: (OSError) -> str
    return errno.errorcode.get(error.errno or 0, str(error.errno))


# ---- text ------------------------------------------------------------------------------------

_CODED_SURROGATE = re.compile(b"\xed[\xa0-\xbf]")
_UTF8 = re.compile(
    b"(?:[\x00-\x7f]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]"
    b"|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]"
    b"|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})+"
)


def strict(raw):
    # type: (bytes) -> str
    """The text. Raises: ValueError where it is not UTF-8."""
    # Python 2 takes surrogates for UTF-8.
    if _CODED_SURROGATE.search(raw):
        raise ValueError("not UTF-8")
    return raw.decode("utf-8")


def escaped(raw, escape="\\x%02x"):
    # type: (bytes, str) -> str
    """The text, with escapes in place of the bytes that are not UTF-8."""
    try:
        return strict(raw)
    except ValueError:
        pass
    pieces = []
    position = 0
    for found in _UTF8.finditer(raw):
        pieces += [escape % byte for byte in bytearray(raw[position : found.start()])]
        pieces.append(found.group().decode("utf-8"))
        position = found.end()
    pieces += [escape % byte for byte in bytearray(raw[position:])]
    return "".join(pieces)


def as_base64(raw):
    # type: (bytes) -> str
    return base64.b64encode(raw).decode("ascii")


def time_text(ns):
    # type: (int) -> str
    """Nanoseconds since the epoch as RFC 3339 in UTC."""
    seconds, rest = divmod(ns, NS_PER_S)
    return "%s.%09dZ" % (time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)), rest)


def now_ns():
    # type: () -> int
    return int(time.time_ns()) if hasattr(time, "time_ns") else int(time.time() * NS_PER_S)


# ---- the files of a process ------------------------------------------------------------------


def read_fd(fd, limit=MAX_FILE_BYTES):
    # type: (int, int) -> bytes
    chunks = []  # type: List[bytes]
    size = 0
    while True:
        data = os.read(fd, CHUNK)
        if not data:
            return b"".join(chunks)
        chunks.append(data)
        size += len(data)
        if size > limit:
            raise Unreadable("failed", "longer than %d MiB" % (limit >> 20))


def read_file(path, limit=MAX_FILE_BYTES, regular=False):
    # type: (bytes, int, bool) -> bytes
    fd = os.open(path, READ)
    try:
        if regular and not stat.S_ISREG(os.fstat(fd).st_mode):
            raise Unreadable("malformed", "not a regular file")
        return read_fd(fd, limit)
    finally:
        os.close(fd)


def optional(path):
    # type: (bytes) -> bytes
    try:
        return read_file(path)
    except (OSError, Unreadable):
        return b""


class Files(object):
    """The files of one process, through its open directory: a pid that is given to another process
    meanwhile does not lead there."""

    def __init__(self, pid):
        # type: (int) -> None
        self.place = ("/proc/%d" % pid).encode("ascii")
        self.fd = os.open(self.place, DIRECTORY)
        self.prefix = ("/proc/self/fd/%d/" % self.fd).encode("ascii")

    def __enter__(self):
        # type: () -> Files
        return self

    def __exit__(self, *_):
        # type: (object) -> None
        os.close(self.fd)

    def read(self, name):
        # type: (bytes) -> bytes
        return read_file(self.prefix + name)

    def link(self, name):
        # type: (bytes) -> bytes
        return os.readlink(self.prefix + name)

    def inode(self, name):
        # type: (bytes) -> int
        return os.stat(self.prefix + name).st_ino

    def owner(self):
        # type: () -> int
        return os.fstat(self.fd).st_uid

    def alive(self):
        # type: () -> bool
        try:
            ours, theirs = os.fstat(self.fd), os.stat(self.place)
        except OSError:
            return False
        return (ours.st_dev, ours.st_ino) == (theirs.st_dev, theirs.st_ino)

    def error(self, field, error):
        # type: (str, Union[OSError, Unreadable]) -> Error
        """Why a field can't be read, once it is known whether the process still exists."""
        if isinstance(error, Unreadable):
            return error_of(field, error.problem, error.detail)
        number = error.errno
        if number not in (errno.EACCES, errno.EPERM, errno.ENOENT, errno.ESRCH, errno.ENOTDIR):
            problem = "failed"
        elif not self.alive():
            problem = "gone"
        else:
            problem = "denied" if number in (errno.EACCES, errno.EPERM) else "missing"
        return error_of(field, problem, errno_name(error))


def error_of(field, problem, detail):
    # type: (str, str, str) -> Error
    return {"field": field, "problem": problem, "detail": detail}


# ---- the values of a process -----------------------------------------------------------------

_NETNS = re.compile(b"net:\\[([0-9]{1,20})\\]$")


def parse_stat(line):
    # type: (bytes) -> Tuple[str, str, int, int]
    """comm, state, ppid and start time in ticks."""
    if len(line) > MAX_STAT_BYTES:
        raise Unreadable("malformed", "longer than 4 KiB")
    head, closed, tail = line.rpartition(b")")
    _, opened, comm = head.partition(b"(")
    fields = tail.split(None, 20)
    if not closed or not opened or len(fields) < 20:
        raise Unreadable("malformed", "cut short")
    ppid, ticks = fields[1], fields[19]
    if not (ppid.isdigit() and ticks.isdigit() and len(ppid) <= 10 and len(ticks) <= 20):
        raise Unreadable("malformed", "not numeric")
    if int(ppid) > MAX_PID or int(ticks) > MAX_U64:
        raise Unreadable("malformed", "a number is out of range")
    return escaped(comm), escaped(fields[0]), int(ppid), int(ticks)


def parse_netns(link):
    # type: (bytes) -> int
    found = _NETNS.match(link)
    if found is None or link.endswith(b"\n") or int(found.group(1)) > MAX_U64:
        raise Unreadable("malformed", "not a link to a namespace")
    return int(found.group(1))


def parse_cgroup(content):
    # type: (bytes) -> str
    if len(content) > MAX_CGROUP_BYTES:
        raise Unreadable("malformed", "longer than 1 MiB")
    try:
        return strict(content)
    except ValueError:
        raise Unreadable("malformed", "not UTF-8")


def pieces_of(cmdline):
    # type: (bytes) -> List[Any]
    """The texts between the NUL bytes; what is not UTF-8 as base64."""
    if cmdline.count(b"\0") >= MAX_PIECES:
        return [{"base64": as_base64(cmdline)}]
    return [piece_of(piece) for piece in cmdline.split(b"\0")] if cmdline else []


def piece_of(piece):
    # type: (bytes) -> Any
    try:
        return strict(piece)
    except ValueError:
        return {"base64": as_base64(piece)}


# ---- status: as strictly as agents of inputs.proc read it ---------------------------------------

BLANKS = (
    b"\t\n\x0b\x0c\r \xc2\x85\xc2\xa0\xe1\x9a\x80\xe2\x80\x80\xe2\x80\x81\xe2\x80\x82\xe2\x80\x83"
    b"\xe2\x80\x84\xe2\x80\x85\xe2\x80\x86\xe2\x80\x87\xe2\x80\x88\xe2\x80\x89\xe2\x80\x8a"
    b"\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaf\xe2\x81\x9f\xe3\x80\x80"
).decode("utf-8")


def integer(bits, signed=False, base=10):
    # type: (int, bool, int) -> Callable[[str], bool]
    """Whether a text is an integer for Rust's parser."""
    digits = {8: "0-7", 10: "0-9", 16: "0-9A-Fa-f"}[base]
    pattern = re.compile("%s[%s]+" % ("[+-]?" if signed else "[+]?", digits))
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)

    def check(text):
        # type: (str) -> bool
        found = pattern.match(text)
        if len(text) > 40 or found is None or found.end() < len(text):
            return False
        return low <= int(text, base) <= high

    return check


def each(check, separator=None):
    # type: (Callable[[str], bool], Optional[str]) -> Callable[[str], bool]
    return lambda text: all(check(part) for part in text.split(separator))


def is_ids(text):
    # type: (str) -> bool
    parts = text.split()
    return len(parts) >= 4 and all(U32(part) for part in parts[:4])


def is_queue(text):
    # type: (str) -> bool
    parts = text.split("/")
    return len(parts) >= 2 and U64(parts[0]) and U64(parts[1])


U32, U64, I32 = integer(32), integer(64), integer(32, signed=True)
HEX32, HEX64 = integer(32, base=16), integer(64, base=16)


def is_kilobytes(text):
    # type: (str) -> bool
    return U64(text.replace(" kB", ""))


def is_any(_):
    # type: (str) -> bool
    return True


CHECKS = [("Name", is_any), ("State", is_any)]  # type: List[Tuple[str, Callable[[str], bool]]]
for _names, _check in (
    ("Tgid Pid PPid TracerPid", I32),
    ("Uid Gid", is_ids),
    ("FDSize", U32),
    ("Groups", each(I32)),
    ("Threads", U64),
    ("SigQ", is_queue),
    ("SigPnd ShdPnd SigBlk SigIgn SigCgt CapInh CapPrm CapEff", HEX64),
):
    CHECKS += [(_name, _check) for _name in _names.split()]
REQUIRED = frozenset(_name for _name, _ in CHECKS)
for _names, _check in (
    ("Umask", integer(32, base=8)),
    ("Ngid", I32),
    ("NStgid NSpid NSpgid NSsid", each(I32)),
    ("VmPeak VmSize VmLck VmPin VmHWM VmRSS VmData VmStk VmExe", is_kilobytes),
    ("RssAnon RssFile RssShmem VmLib VmPTE VmSwap HugetlbPages", is_kilobytes),
    ("CapBnd CapAmb", HEX64),
    ("NoNewPrivs Seccomp CoreDumping THP_enabled", U32),
    ("Cpus_allowed Mems_allowed", each(HEX32, ",")),
    ("voluntary_ctxt_switches nonvoluntary_ctxt_switches", U64),
):
    CHECKS += [(_name, _check) for _name in _names.split()]


def parse_status_name(content):
    # type: (bytes) -> str
    """The name of a process as the agent has it."""
    try:
        text = strict(content)
    except ValueError:
        raise Unreadable("malformed", "not UTF-8")
    values = {}
    for line in text.split("\n"):
        if line in ("", "\r"):
            continue
        parts = line.split(":", 2)
        if len(parts) == 1:
            raise Unreadable("malformed", "a line without a colon")
        values[parts[0]] = parts[1].strip(BLANKS)
    for key, check in CHECKS:
        if key in values:
            if not check(values[key]):
                raise Unreadable("malformed", key)
        elif key in REQUIRED:
            raise Unreadable("malformed", key)
    return values["Name"]


# ---- users -------------------------------------------------------------------------------------

_U32_TEXT = re.compile("[+]?[0-9]{1,4096}$")


def parse_passwd(content):
    # type: (bytes) -> Optional[Dict[str, str]]
    """Names by uid, of each the first; None where the agent reads nothing."""
    names = {}  # type: Dict[str, str]
    try:
        text = strict(content)
    except ValueError:
        return None
    for line in text.split("\n"):
        fields = (line[:-1] if line.endswith("\r") else line).split(":", 4)
        if len(fields) < 3:
            continue
        uid = fields[2]
        # `$` also matches before a line break, which is not here.
        if _U32_TEXT.match(uid) and int(uid) <= MAX_U32:
            names.setdefault(str(int(uid)), fields[0])
            if len(names) > MAX_USERS:
                return None
    return names


def read_users(files, inode):
    # type: (Files, int) -> Optional[Dict[str, str]]
    try:
        root = os.open(files.prefix + b"root", DIRECTORY)
    except OSError:
        return None
    try:
        if os.fstat(root).st_ino != inode:
            return None
        path = ("/proc/self/fd/%d/etc/passwd" % root).encode("ascii")
        return parse_passwd(read_file(path, MAX_PASSWD_BYTES, regular=True))
    except (OSError, Unreadable):
        return None
    finally:
        os.close(root)


# ---- sockets -----------------------------------------------------------------------------------

_FD = re.compile(b"(?:0|[1-9][0-9]{0,9})$")
_SOCKET = re.compile(b"socket:\\[([0-9]{1,20})\\]$")


def socket_fds(files, as_agent):
    # type: (Files, bool) -> Union[List[Socket], Error]
    """Number, inode, time of the first look, and how that is known, of each; or the error."""
    try:
        return list_sockets(files.prefix + b"fd/", as_agent)
    except (OSError, Unreadable) as error:
        return files.error("fds", error)


def list_sockets(folder, as_agent):
    # type: (bytes, bool) -> List[Socket]
    found = []  # type: List[Socket]
    for name in os.listdir(folder):
        try:
            target = os.readlink(folder + name)
            if not target.startswith(b"socket:["):
                continue
            status = os.lstat(folder + name)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ESRCH, errno.EINVAL):
                continue
            if as_agent and error.errno in (errno.EACCES, errno.EPERM):
                continue
            raise
        inode = _SOCKET.match(target)
        if inode is None or target.endswith(b"\n") or not _FD.match(name):
            continue
        number, of_socket = int(name), int(inode.group(1))
        if number <= MAX_PID and of_socket <= MAX_U64:
            since = getattr(status, "st_ctime_ns", None)
            if since is None:  # Python 2: to the microsecond
                since = int(status.st_ctime * NS_PER_S)
            found.append((number, of_socket, since, "fd-ctime"))
    return sorted(found)


def since_first_look(pid, ticks, found, first):
    # type: (int, Optional[int], List[Socket], Dict[Key, int]) -> List[Socket]
    """The sockets as old as the first look saw them."""
    dated = []
    for number, inode, since, source in found:
        seen = first.get((pid, ticks, number, inode))
        if seen is not None and seen < since:
            since, source = seen, "observed"
        dated.append((number, inode, since, source))
    return dated


def socket_objects(found):
    # type: (List[Socket]) -> List[Dict[str, Any]]
    return [
        {"fd": number, "inode": inode, "since": time_text(since), "age_source": source}
        for number, inode, since, source in found
    ]


# ---- socket tables and addresses ---------------------------------------------------------------

TABLES = ("tcp", "udp", "tcp6", "udp6")
TCP_STATES = {
    "01": "ESTABLISHED",
    "02": "SYN_SENT",
    "03": "SYN_RECV",
    "04": "FIN_WAIT1",
    "05": "FIN_WAIT2",
    "06": "TIME_WAIT",
    "07": "CLOSE",
    "08": "CLOSE_WAIT",
    "09": "LAST_ACK",
    "0A": "LISTEN",
    "0B": "CLOSING",
    "0C": "NEW_SYN_RECV",
}
UDP_STATES = {"01": "ESTABLISHED", "07": "UNCONNECTED"}
_ADDRESS = re.compile("(?:[0-9A-Fa-f]{8}|[0-9A-Fa-f]{32})$")
_PORT = re.compile("[0-9A-Fa-f]{4}$")
_IN_USE = re.compile(b"^(TCP|UDP|TCP6|UDP6): inuse ([0-9]+)\\b", re.MULTILINE)
_LEAF = re.compile(b"\\|-- (\\d{1,3}(?:\\.\\d{1,3}){3})$")
_OWN = re.compile(b"/32 host LOCAL$")


class Endpoints(dict):  # type: ignore[type-arg]
    """Address and port by the kernel's notation."""

    def __missing__(self, text):
        # type: (str) -> Tuple[str, int]
        address, _, port = text.partition(":")
        if not _ADDRESS.match(address):
            raise Unreadable("malformed", "an address is not as documented")
        if not _PORT.match(port):
            raise Unreadable("malformed", "a port is not as documented")
        # 32-bit words, each written as a number of this machine.
        packed = binascii.unhexlify(address.encode("ascii"))
        if sys.byteorder == "little":
            packed = b"".join(packed[at : at + 4][::-1] for at in range(0, len(packed), 4))
        if packed.startswith(b"\0" * 10 + b"\xff\xff"):
            packed = packed[12:]
        family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
        endpoint = self[text] = (socket.inet_ntop(family, packed), int(port, 16))
        return endpoint


def parse_table(chunks, name):
    # type: (Iterable[bytes], str) -> List[List[Any]]
    states = UDP_STATES if name.startswith("udp") else TCP_STATES
    endpoints = Endpoints()
    rows = []
    for line in table_lines(chunks):
        fields = line.split(None, 10)
        if len(fields) < 10:
            raise Unreadable("malformed", "a row is cut short")
        state, inode = fields[3], fields[9]
        if inode == "0" and state != "0A":
            continue
        if state not in states or not inode.isdigit() or len(inode) > 20 or int(inode) > MAX_U64:
            raise Unreadable("malformed", "a row is not as documented")
        local, remote = endpoints[fields[1]], endpoints[fields[2]]
        rows.append([states[state], local[0], local[1], remote[0], remote[1], int(inode)])
    return rows


def table_lines(chunks):
    # type: (Iterable[bytes]) -> Iterator[str]
    """The lines after the heading."""
    rest = b""
    heading = True
    for chunk in chunks:
        whole, newline, tail = chunk.rpartition(b"\n")
        if len(rest) > MAX_ROW_BYTES:
            raise Unreadable("malformed", "a row is too long")
        if not newline:
            rest += chunk
            continue
        lines = ascii_text(rest + whole).split("\n")
        rest = tail
        for line in lines[heading:]:
            yield line
        heading = False
    if rest and heading and b"local_address" not in rest:
        raise Unreadable("malformed", "the heading is missing")
    if rest and not heading:
        yield ascii_text(rest)


def ascii_text(raw):
    # type: (bytes) -> str
    try:
        return raw.decode("ascii")
    except ValueError:
        raise Unreadable("malformed", "a row is not as documented")


def chunks_of(fd):
    # type: (int) -> Iterator[bytes]
    left = MAX_TABLE_BYTES
    while True:
        chunk = os.read(fd, CHUNK)
        if not chunk:
            return
        left -= len(chunk)
        if left < 0:
            raise Unreadable("failed", "longer than %d MiB" % (MAX_TABLE_BYTES >> 20))
        yield chunk


def empty_tables(sockstat):
    # type: (bytes) -> List[str]
    """The tables without a socket of this namespace: reading one costs as much as a full one."""
    found = _IN_USE.findall(sockstat)
    return [name for name in TABLES if (name.upper().encode("ascii"), b"0") in found]


def net_tables(files):
    # type: (Files) -> List[Table]
    """The four tables of the process's network namespace."""
    sockstat = optional(files.prefix + b"net/sockstat") + optional(files.prefix + b"net/sockstat6")
    empty = empty_tables(sockstat)
    tables = [(name, [], None) if name in empty else net_table(files, name) for name in TABLES]
    missing = [name for name, _, error in tables if error and error["problem"] == "missing"]
    if "tcp" in missing or "udp" in missing:
        # A zombie has left its namespace: its directory can't be listed.
        try:
            os.listdir(files.prefix + b"net")
        except OSError as error:
            return ended_tables(errno_name(error))
    return tables


def net_table(files, name):
    # type: (Files, str) -> Table
    try:
        fd = os.open(files.prefix + b"net/" + name.encode("ascii"), READ)
        try:
            return name, parse_table(chunks_of(fd), name), None
        finally:
            os.close(fd)
    except (OSError, Unreadable) as error:
        return name, [], files.error("net/" + name, error)


def ended_tables(detail):
    # type: (str) -> List[Table]
    return [(name, [], error_of("net/" + name, "gone", detail)) for name in TABLES]


def addresses(files):
    # type: (Files) -> Optional[List[str]]
    try:
        return parse_fib_trie(files.read(b"net/fib_trie"))
    except (OSError, Unreadable):
        return None


def parse_fib_trie(text):
    # type: (bytes) -> List[str]
    """The namespace's own IPv4 addresses, ascending, without loopback."""
    found = set()
    leaf = None
    for line in text.splitlines():
        opened = _LEAF.search(line)
        if opened:
            leaf = opened.group(1)
        elif leaf is not None and _OWN.search(line):
            numbers = leaf.split(b".")
            valid = all(len(part) == 1 or not part.startswith(b"0") for part in numbers)
            address = tuple(map(int, numbers))
            if valid and max(address) <= 255 and address[0] != 127:
                found.add(address)
    return [".".join(map(str, address)) for address in sorted(found)]


# ---- what the reader may read --------------------------------------------------------------------

# linux/capability.h: to read any file, and to inspect any process.
NEEDED_CAPABILITIES = 1 << 2 | 1 << 19
HIDEPID = {"1": "noaccess", "2": "invisible", "4": "ptraceable"}


def privileged():
    # type: () -> bool
    """Whether we have root's privileges over processes."""
    if os.geteuid() != 0:
        return False
    found = re.search(b"^CapEff:\\s*([0-9a-f]+)$", optional(b"/proc/self/status"), re.MULTILINE)
    return found is None or int(found.group(1), 16) & NEEDED_CAPABILITIES == NEEDED_CAPABILITIES


def hidepid(mountinfo, as_root):
    # type: (str, bool) -> Optional[str]
    """How /proc hides other users' processes from us; None where it doesn't."""
    options = {}  # type: Dict[str, str]
    for line in mountinfo.splitlines():
        mount, _, filesystem = line.partition(" - ")
        if mount.split(" ")[4:5] == ["/proc"]:
            pairs = [option.partition("=") for option in filesystem.split(" ")[-1].split(",")]
            options = dict((name, value) for name, _, value in pairs)
    hiding = HIDEPID.get(options.get("hidepid", "off"), options.get("hidepid", "off"))
    if hiding not in HIDEPID.values() or as_root:
        return None
    group = options.get("gid", "0")
    trusted = group.isdigit() and int(group) in [os.getegid()] + os.getgroups()
    return None if trusted and hiding != "ptraceable" else hiding


def notices_of(hiding, boot_time):
    # type: (Optional[str], Optional[int]) -> List[Dict[str, str]]
    found = []
    if hiding is not None:
        effect = "refuses access to" if hiding == "noaccess" else "hides"
        text = (
            "/proc is mounted with hidepid=%s and %s other users' processes: run proccli as root"
            " to see what the agent sees" % (hiding, effect)
        )
        found.append({"code": "hidepid", "message": text})
    if boot_time is None:
        text = "/proc/stat has no line btime: start times and ages are unknown"
        found.append({"code": "no-boot-time", "message": text})
    return found


# ---- the agent's environment ---------------------------------------------------------------------

AGENT = b"deepflow-agent"


def agent_environment(names):
    # type: (List[str]) -> Optional[Dict[str, Any]]
    """These variables of the running agent and no others, null for those that are not set."""
    for pid in listed_pids() if names else ():
        place = ("/proc/%d/" % pid).encode("ascii")
        if not is_agent(place):
            continue
        origin = "deepflow-agent (pid %d)" % pid
        try:
            block = read_file(place + b"environ")
        except (OSError, Unreadable) as error:
            if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM):
                return {"origin": origin + ", not readable for us", "values": {}}
            continue
        values = parse_environ(block)
        return {"origin": origin, "values": dict((name, values.get(name)) for name in names)}
    return None


def is_agent(place):
    # type: (bytes) -> bool
    first = optional(place + b"cmdline").partition(b"\0")[0]
    if not first:
        return False
    try:
        program = os.readlink(place + b"exe")
    except OSError:
        program = b""
    if program.endswith(b" (deleted)"):
        program = program[: -len(b" (deleted)")]
    names = (first, program, optional(place + b"comm").rstrip(b"\n"))
    return any(name.rpartition(b"/")[2] == AGENT for name in names)


def parse_environ(block):
    # type: (bytes) -> Dict[str, str]
    """The variables; the first of a name counts, and what is not UTF-8 is as good as unset."""
    values = {}  # type: Dict[bytes, bytes]
    for entry in block.split(b"\0"):
        name, separator, value = entry.partition(b"=")
        if name and separator:
            values.setdefault(name, value)
    found = {}
    for name, value in values.items():
        try:
            found[strict(name)] = strict(value)
        except ValueError:
            continue
    return found


# ---- the recording -------------------------------------------------------------------------------


class Recorder(object):
    """Writes the lines of a recording."""

    def __init__(self, put):
        # type: (Callable[[bytes], object]) -> None
        self._put = put
        self._size = 0
        self._as_root = privileged()
        self._tables = set()  # type: set[int]
        self._users = {}  # type: Dict[int, Dict[str, str]]
        self._nets = OrderedDict()  # type: OrderedDict[Any, Tuple[int, List[Tuple[int, Any]]]]
        self._net_lines = []  # type: List[Line]
        self._counts = {"processes": 0, "users": 0, "sockets": 0, "rows": 0}

    def put(self, line):
        # type: (Line) -> None
        text = json.dumps(OrderedDict(line), separators=(",", ":")).encode("ascii") + b"\n"
        self._size += len(text)
        if len(text) > MAX_LINE_BYTES or self._size > MAX_RECORDING_BYTES:
            raise TooLarge
        self._put(text)

    def record(self, wait_s, names=()):
        # type: (float, Iterable[str]) -> None
        first, watched_since = {}, None  # type: Dict[Key, int], Optional[int]
        taken_at = now_ns()
        if wait_s > 0:
            first, left_s = self._first_look(taken_at, wait_s)
            if left_s > 0:
                watched_since = taken_at
                time.sleep(left_s)
                taken_at = now_ns()
        self.put(self._header(taken_at, watched_since, agent_environment(list(names))))
        for pid in listed_pids():
            self._process(pid, first if watched_since is not None else {})
        for netns, (number, members) in self._nets.items():
            if isinstance(netns, int):
                self._net(number, netns, members)
        for line in self._net_lines:
            self.put(line)
        end = [("type", "end")]  # type: Line
        end += [(name, self._counts[name]) for name in ("processes", "users", "sockets", "rows")]
        self.put(end + [("masked_values", 0), ("masked_processes", 0)])

    def _first_look(self, taken_at, wait_s):
        # type: (int, float) -> Tuple[Dict[Key, int], float]
        """When each socket was first seen, and how long until the youngest is old enough."""
        first = {}  # type: Dict[Key, int]
        youngest = 0
        for pid in listed_pids():
            try:
                with Files(pid) as files:
                    found = socket_fds(files, self._as_root)
                    ticks = start_of(files)
            except OSError:
                continue
            if isinstance(found, list):
                for number, inode, since, _ in found:
                    youngest = max(youngest, since)
                    first[pid, ticks, number, inode] = min(since, taken_at)
        age_s = (now_ns() - youngest) / float(NS_PER_S)
        # A clock that was set back must not let us wait longer.
        return first, min(wait_s - age_s, wait_s) + 0.01 if age_s < wait_s else 0.0

    def _header(self, taken_at, watched_since, environment):
        # type: (int, Optional[int], Optional[Dict[str, Any]]) -> Line
        btime = re.search(
            b"^btime[ \t]+([0-9]{1,11})[ \t]*$", optional(b"/proc/stat"), re.MULTILINE
        )
        boot_time = int(btime.group(1)) if btime else None
        hiding = hidepid(escaped(optional(b"/proc/self/mountinfo")), self._as_root)
        host = os.uname()[1]  # type: Any
        return [
            ("type", "header"),
            ("format", "proccli-recording"),
            ("version", FORMAT_VERSION),
            ("proccli", PROCCLI),
            ("taken_at", time_text(taken_at)),
            ("watched_since", None if watched_since is None else time_text(watched_since)),
            ("host", escaped(host if isinstance(host, bytes) else os.fsencode(host), "\\udc%02x")),
            ("kind", "live"),
            ("proc_root", "/proc"),
            ("boot_time_s", boot_time),
            ("ticks_per_s", os.sysconf("SC_CLK_TCK")),
            ("privileged", self._as_root),
            ("sees_all", hiding in (None, "noaccess")),
            ("redacted", False),
            ("notices", notices_of(hiding, boot_time)),
            ("environment", environment),
            ("tags", None),
        ]

    def _process(self, pid, first):
        # type: (int, Dict[Key, int]) -> None
        self._counts["processes"] += 1
        try:
            files = Files(pid)
        except OSError as error:
            problem = "gone" if error.errno in NOT_THERE else "failed"
            errors = [error_of(name, problem, errno_name(error)) for name in PROCESS_FIELDS]
            fds = error_of("fds", "gone", errno_name(error))
            self.put(process_line(pid, {}, errors, False, fds, None))
            return
        with files:
            values, errors = read_values(files)
            found = socket_fds(files, self._as_root)
            if isinstance(found, list):
                found = since_first_look(pid, values["starttime_ticks"], found, first)
                self._counts["sockets"] += len(found)
            users = self._users_of(files, values["root_inode"])
            net = None if isinstance(found, dict) else self._number(pid, files, values)
            self.put(process_line(pid, values, errors, users, found, net))
        if isinstance(found, list):
            for start in range(SOCKETS_PER_LINE, len(found), SOCKETS_PER_LINE):
                part = socket_objects(found[start : start + SOCKETS_PER_LINE])
                self.put([("type", "sockets"), ("pid", pid), ("sockets", part)])

    def _users_of(self, files, inode):
        # type: (Files, Optional[int]) -> bool
        """Whether its root has a table of users, which is written with the first process."""
        if inode is None:
            return False
        if inode not in self._users:
            names = read_users(files, inode)
            if names is None:
                return False
            self._users[inode] = names
            self._counts["users"] += 1
            self.put([("type", "users"), ("root_inode", inode), ("names", names)])
        return True

    def _number(self, pid, files, values):
        # type: (int, Files, Dict[str, Any]) -> Optional[int]
        """The number of its network namespace here."""
        netns = values["netns"]
        member = (pid, values["starttime_ticks"])
        if netns is not None:
            number, members = self._nets.setdefault(netns, (len(self._nets) + 1, []))
            members.append(member)
            return number
        tables = net_tables(files)
        if all(error and error["problem"] == "gone" for _, _, error in tables):
            return None
        own = addresses(files)
        key = json.dumps([tables, own])
        if key not in self._nets:
            number = len(self._nets) + 1
            self._nets[key] = (number, [])
            self._net_lines += self._lines_of(number, None, tables, own)
        return self._nets[key][0]

    def _net(self, number, netns, members):
        # type: (int, int, List[Tuple[int, Any]]) -> None
        """The tables of the first of these processes that has not exited."""
        tables = ended_tables("ENOENT")
        own = None  # type: Optional[List[str]]
        for pid, ticks in members:
            try:
                with Files(pid) as files:
                    if ticks is not None and start_of(files) != ticks:
                        continue
                    tables, own = net_tables(files), addresses(files)
            except OSError:
                continue
            if not any(error and error["problem"] == "gone" for _, _, error in tables):
                break
        for line in self._lines_of(number, netns, tables, own):
            self.put(line)

    def _lines_of(self, number, netns, tables, own):
        # type: (int, Optional[int], List[Table], Optional[List[str]]) -> List[Line]
        lines = []  # type: List[Line]
        for name, rows, error in tables:
            self._counts["rows"] += len(rows)
            for start in range(0, max(len(rows), 1), ROWS_PER_LINE):
                part = rows[start : start + ROWS_PER_LINE]
                head = [("type", "net"), ("net", number), ("netns", netns)]  # type: Line
                lines.append(head + [("table", name), ("rows", part), ("error", error)])
        if own is not None:
            lines.append([("type", "addresses"), ("net", number), ("ipv4", own)])
        return lines


def listed_pids():
    # type: () -> List[int]
    return sorted(int(name) for name in os.listdir("/proc") if re.match("[1-9][0-9]{0,8}$", name))


def start_of(files):
    # type: (Files) -> Optional[int]
    try:
        return parse_stat(files.read(b"stat"))[3]
    except (OSError, Unreadable):
        return None


def read_values(files):
    # type: (Files) -> Tuple[Dict[str, Any], List[Error]]
    """The fields of a process, null where `errors` has the reason."""
    errors = []  # type: List[Error]

    def attempt(field, read, parse, may_lack=False):
        # type: (str, Callable[[], Any], Callable[[Any], Any], bool) -> Any
        try:
            return parse(read())
        except (OSError, Unreadable) as error:
            found = files.error(field, error)
            if not (may_lack and found["problem"] == "missing"):
                errors.append(found)
            return None

    def same(value):
        # type: (Any) -> Any
        return value

    # The owner comes before `stat`: the directory of a process that has exited belongs to root.
    uid = attempt("uid", files.owner, same)
    stat_values = attempt("stat", lambda: files.read(b"stat"), parse_stat)
    if uid is not None and errors and errors[-1]["problem"] == "gone":
        uid = None
        errors.append(dict(errors[-1], field="uid"))
    comm, state, ppid, ticks = stat_values or (None, None, None, None)
    ended = state in ("Z", "X", "x")
    values = {"uid": uid, "comm": comm, "ppid": ppid, "starttime_ticks": ticks}
    values["status_name"] = attempt("status", lambda: files.read(b"status"), parse_status_name)
    values["cmdline"] = attempt("cmdline", lambda: files.read(b"cmdline"), pieces_of)
    exe = attempt("exe", lambda: files.link(b"exe"), same, may_lack=True)
    values["netns"] = attempt("netns", lambda: files.link(b"ns/net"), parse_netns, may_lack=ended)
    values["cgroup"] = attempt("cgroup", lambda: files.read(b"cgroup"), parse_cgroup)
    values["root_inode"] = attempt("root_inode", lambda: files.inode(b"root"), same, may_lack=ended)
    values["exe"] = None if exe is None else escaped(exe)
    # With a key base64 where it is not UTF-8.
    odd = {} if exe is None else piece_of(exe)
    values["exe_base64"] = odd["base64"] if isinstance(odd, dict) and odd else None
    return values, errors


def process_line(pid, values, errors, users, found, net):
    # type: (int, Dict[str, Any], List[Error], bool, Union[List[Socket], Error], Optional[int]) -> Line
    listed = socket_objects(found[:SOCKETS_PER_LINE]) if isinstance(found, list) else None
    return [
        ("type", "process"),
        ("pid", pid),
        ("ppid", values.get("ppid")),
        ("comm", values.get("comm")),
        ("status_name", values.get("status_name")),
        ("cmdline", values.get("cmdline")),
        ("holes", []),
        ("proofs", []),
        ("exe", values.get("exe")),
        ("exe_base64", values.get("exe_base64")),
        ("uid", values.get("uid")),
        ("starttime_ticks", values.get("starttime_ticks")),
        ("netns", values.get("netns")),
        ("cgroup", values.get("cgroup")),
        ("root_inode", values.get("root_inode")),
        ("users", users),
        ("errors", errors),
        ("sockets", listed),
        ("sockets_error", None if isinstance(found, list) else found),
        ("net", net),
    ]


# ---- the program ---------------------------------------------------------------------------------


def main(arguments):
    # type: (List[str]) -> int
    try:
        wait_s = float(arguments[0]) if arguments else WAIT_S
    except ValueError:
        wait_s = -1.0
    if not 0 <= wait_s <= 3600:
        return failed("usage: python - [SECONDS [NAME]...] < collect.py")
    out = getattr(sys.stdout, "buffer", sys.stdout)  # type: Any
    try:
        if not os.path.exists("/proc/self/stat"):
            return failed("this machine has no /proc as Linux has it")
        Recorder(out.write).record(wait_s, arguments[1:])
        out.flush()
    except TooLarge:
        return failed("this is more than a recording may hold")
    except (IOError, OSError) as error:
        # What is left in the buffer can't be written either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if error.errno == errno.EPIPE:
            return 1
        return failed(str(error))
    except KeyboardInterrupt:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 130
    return 0


def failed(problem):
    # type: (str) -> int
    sys.stderr.write("collect: %s\n" % problem)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
