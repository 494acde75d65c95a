"""Programs whose short options carry a password."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ShortOption:
    """An option and how it takes its secret value."""

    flag: bytes
    separate: bool = True
    """The value may be the next argument."""
    attached: bool = True
    """The value may follow in the same argument."""
    after: bytes = b""
    """The secret begins after the first of these: `user:password`. Empty: all is secret."""


# Alone, -p and --password make them ask: the next argument is a database.
_MYSQL = (
    ShortOption(b"-p", separate=False),
    ShortOption(b"--password", separate=False, attached=False),
)
_USER_COLON = (
    ShortOption(b"--user", attached=False, after=b":"),
    ShortOption(b"--user=", separate=False, after=b":"),
)
_CURL = (
    ShortOption(b"-u", after=b":"),
    ShortOption(b"-U", after=b":"),
    ShortOption(b"-b", after=b"="),
    ShortOption(b"--proxy-user", attached=False, after=b":"),
    ShortOption(b"--proxy-user=", separate=False, after=b":"),
    *_USER_COLON,
)
_PROGRAMS: Mapping[str, tuple[ShortOption, ...]] = {
    "mysql mysqladmin mysqlbinlog mysqlcheck mysqldump mysqlimport mysqlpump mysqlshow": _MYSQL,
    "mysqlslap mysqlsh mysql_upgrade mycli xtrabackup innobackupex mariabackup": _MYSQL,
    "mariadb mariadb-admin mariadb-binlog mariadb-check mariadb-dump mariadb-import": _MYSQL,
    "mariadb-show mariadb-slap mariadb-backup mariadb-upgrade": _MYSQL,
    "7z 7za 7zr 7zz rar unrar": (ShortOption(b"-p", separate=False),),
    "mongo mongosh mongodump mongorestore mongoexport mongoimport": (ShortOption(b"-p"),),
    "mongostat mongotop mongofiles": (ShortOption(b"-p"),),
    "sshpass cqlsh mydumper myloader rdesktop": (ShortOption(b"-p"),),
    "zip unzip ipmitool sqlcmd bcp isql osql tsql": (ShortOption(b"-P"),),
    "mosquitto_pub mosquitto_sub mosquitto_rr": (ShortOption(b"-P"),),
    "redis-cli keydb-cli valkey-cli": (ShortOption(b"-a", attached=False),),
    "ldapsearch ldapadd ldapmodify ldapdelete ldappasswd ldapwhoami": (ShortOption(b"-w"),),
    "curl": _CURL,
    "etcdctl": _USER_COLON,
    "http https": (ShortOption(b"-a", after=b":"),),
    "lftp": (ShortOption(b"-u", after=b","),),
    "smbclient rpcclient smbget": (ShortOption(b"-U", after=b"%"),),
    "snmpget snmpgetnext snmpwalk snmpbulkwalk snmpbulkget snmpset": (
        ShortOption(b"-A"),
        ShortOption(b"-X"),
        ShortOption(b"-c"),
    ),
    "xfreerdp xfreerdp3 wlfreerdp": (ShortOption(b"/p:", separate=False),),
}
SHORT_OPTIONS: Mapping[str, tuple[ShortOption, ...]] = {
    name: options for names, options in _PROGRAMS.items() for name in names.split()
}
"""The options by the program's file name."""

_ANY = b"|".join(re.escape(name.encode()) for name in (*SHORT_OPTIONS, "login"))
MENTION = re.compile(rb"(?<![\w.\-])(?:" + _ANY + rb")(?![\w.\-])")
"""Finds whether a text mentions such a program at all."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


LOGIN_PROGRAMS = _words("buildah crane docker helm nerdctl oras podman skopeo")
"""Programs whose -p is a password, but only in their command `login`."""
LOGIN_OPTIONS = (ShortOption(b"-p"),)

WRAPPERS = _words(
    """
    busybox chpst chroot crictl doas docker dumb-init env exec flock gosu ionice kubectl nerdctl
    nice nohup nsenter oc podman proxychains runuser script setsid ssh stdbuf strace su su-exec
    sudo systemd-run taskset time timeout tini unbuffer watch xargs
    """
)
"""Programs that run another one, named in a later argument."""
