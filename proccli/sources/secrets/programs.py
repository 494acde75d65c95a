"""The table of programs that take a secret in an option, or at a position of their own.

Names that tell a secret (`--password`, `DB_TOKEN=`) are known everywhere and not listed here. To
add a program, add a line; the examples that it must hide or leave alone are in
`tests/data/secrets`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

_TABLE: Final = """
mysql mysqladmin mysqlbinlog mysqlcheck mysqldump mysqlimport mysqlpump mysqlshow : -pSECRET
mysqlslap mysqlsh mysql_upgrade mycli xtrabackup innobackupex mariabackup mariadb : -pSECRET
mariadb-admin mariadb-binlog mariadb-check mariadb-dump mariadb-import            : -pSECRET
mariadb-show mariadb-slap mariadb-backup mariadb-upgrade                          : -pSECRET
mysql mysqladmin mysqlbinlog mysqlcheck mysqldump mysqlimport mysqlpump mysqlshow : --password
mysqlslap mysqlsh mysql_upgrade mycli xtrabackup innobackupex mariabackup mariadb : --password
mariadb-admin mariadb-binlog mariadb-check mariadb-dump mariadb-import            : --password
mariadb-show mariadb-slap mariadb-backup mariadb-upgrade                          : --password
mysqladmin mariadb-admin                         : password SECRET
7z 7za 7zr 7zz rar unrar                         : -pSECRET
mongo mongosh mongodump mongorestore mongoexport : -p[ ]SECRET
mongoimport mongostat mongotop mongofiles        : -p[ ]SECRET
sshpass cqlsh mydumper myloader rdesktop         : -p[ ]SECRET
cypher-shell rabbitmqadmin xmrig                 : -p[ ]SECRET
ncftp ncftpput ncftpget ncftpls ncftpbatch       : -p[ ]SECRET
zip unzip ipmitool sqlcmd bcp isql osql tsql     : -P[ ]SECRET
mosquitto_pub mosquitto_sub mosquitto_rr         : -P[ ]SECRET
ipmitool                                         : user set password ID SECRET
redis-cli keydb-cli valkey-cli                   : -a SECRET
redis-cli keydb-cli valkey-cli                   : auth SECRET
redis-cli keydb-cli valkey-cli                   : AUTH SECRET
ldapsearch ldapadd ldapmodify ldapdelete         : -w[ ]SECRET
ldappasswd ldapwhoami ldapcompare ldapmodrdn     : -w[ ]SECRET
ldappasswd                                       : -s[ ]SECRET
ldappasswd                                       : -a[ ]SECRET
squid_ldap_auth basic_ldap_auth                  : -w[ ]SECRET
squid_ldap_group ext_ldap_group_acl              : -w[ ]SECRET
curl                                             : -u[ ]USER:SECRET
curl                                             : -U[ ]USER:SECRET
curl                                             : -b[ ]NAME=SECRET
curl                                             : -E[ ]FILE:SECRET
curl                                             : --cert FILE:SECRET
curl                                             : --cert=FILE:SECRET
curl                                             : --proxy-cert FILE:SECRET
curl                                             : --proxy-user USER:SECRET
curl                                             : --proxy-user=USER:SECRET
curl etcdctl                                     : --user USER:SECRET
curl etcdctl                                     : --user=USER:SECRET
http https                                       : -a[ ]USER:SECRET
lftp                                             : -u[ ]USER,SECRET
smbclient rpcclient smbget net                   : -U[ ]USER%SECRET
snmpget snmpgetnext snmpwalk snmpbulkwalk        : -A[ ]SECRET
snmpbulkget snmpset snmptrap                     : -A[ ]SECRET
snmpget snmpgetnext snmpwalk snmpbulkwalk        : -X[ ]SECRET
snmpbulkget snmpset snmptrap                     : -X[ ]SECRET
snmpget snmpgetnext snmpwalk snmpbulkwalk        : -c[ ]SECRET
snmpbulkget snmpset snmptrap                     : -c[ ]SECRET
xfreerdp xfreerdp3 wlfreerdp                     : /p:SECRET
useradd usermod                                  : -p[ ]SECRET
ssh-keygen                                       : -N[ ]SECRET
ssh-keygen                                       : -P[ ]SECRET
openssl                                          : passwd SECRET
openssl                                          : -k SECRET
htpasswd                                         : -b SECRET...
wpa_passphrase                                   : SSID SECRET
vault                                            : login SECRET
influx                                           : -t[ ]SECRET
consul                                           : -encrypt SECRET
consul                                           : -encrypt=SECRET
buildah crane docker helm nerdctl oras           : login -p[ ]SECRET
podman skopeo az                                 : login -p[ ]SECRET
mc mcli                                          : alias set ALIAS URL ACCESS SECRET
mc mcli                                          : config host add ALIAS URL ACCESS SECRET
rabbitmqctl                                      : add_user USER SECRET
rabbitmqctl                                      : change_password USER SECRET
rabbitmqctl                                      : authenticate_user USER SECRET
rclone                                           : obscure SECRET
kubectl oc                                       : --from-literal KEY=SECRET
kubectl oc                                       : --from-literal=KEY=SECRET
db2                                              : using SECRET
sqlplus sqlldr exp expdp imp impdp rman sqlcl    : USER/SECRET
tnsping wrap dgmgrl sql                          : USER/SECRET
"""
"""A line has file names of programs and one place, as their manuals write it: `-p SECRET` is the
next argument, `-pSECRET` the same one, `-p[ ]SECRET` either; a word in capitals is any text. Words
in front are those of a command of the program; `-b SECRET...` is the last argument where that
option is given. `--password` alone takes no next argument, as its name would make believe."""


class Option(NamedTuple):
    """An option and how it takes its secret value."""

    flag: bytes
    separate: bool
    """The value may be the next argument."""
    attached: bool
    """The value may follow in the same argument."""
    after: bytes = b""
    """The secret begins after the first of these: `user:password`. Empty: all is secret."""
    command: bytes = b""
    """The word of the program's command that the option belongs to; empty: to all."""
    last: bool = False
    """The secret is the last argument, and the option only says so."""


class Position(NamedTuple):
    """Where among its arguments that are no options a program takes a secret."""

    words: tuple[bytes, ...]
    """The words of the command, directly before."""
    skipped: int
    """How many arguments stand between them and the secret."""
    after: bytes = b""
    """The secret begins after the first of these."""


class Program(NamedTuple):
    """The places where a program takes secrets."""

    options: tuple[Option, ...] = ()
    positions: tuple[Position, ...] = ()


_VALUE: Final = r"(?:[A-Z]+(?P<after>[^A-Z ]))?SECRET(?P<last>\.\.\.)?"
_OPTION: Final = re.compile(
    rf"(?P<command>[a-z_]+ )?(?P<flag>[-/][\w\-]*?[=:]?)(?:(?P<gap> |\[ \]|){_VALUE})?"
)
_POSITION: Final = re.compile(rf"(?P<words>(?:[a-z_]+ |AUTH )*)(?P<skipped>(?:[A-Z]+ )*){_VALUE}")


def _parsed(text: str) -> Option | Position:
    """One place in the table's notation."""
    if place := _OPTION.fullmatch(text):
        return Option(
            flag=place["flag"].encode(),
            separate=place["gap"] in (" ", "[ ]") and not place["last"],
            attached=place["gap"] in ("", "[ ]"),
            after=(place["after"] or "").encode(),
            command=(place["command"] or "").strip().encode(),
            last=place["last"] is not None,
        )
    place = _POSITION.fullmatch(text)
    if place is None:
        raise ValueError(text)
    return Position(
        words=tuple(place["words"].encode().split()),
        skipped=len(place["skipped"].split()),
        after=(place["after"] or "").encode(),
    )


def _programs() -> Iterator[tuple[str, Option | Position]]:
    for line in _TABLE.strip().splitlines():
        names, _, place = line.partition(" : ")
        parsed = _parsed(place.strip())
        for name in names.split():
            yield name, parsed


def _collected() -> Mapping[str, Program]:
    found: dict[str, Program] = {}
    for name, place in _programs():
        known = found.get(name, Program())
        if isinstance(place, Option):
            found[name] = known._replace(options=(*known.options, place))
        else:
            found[name] = known._replace(positions=(*known.positions, place))
    return found


PROGRAMS: Final = _collected()
"""By the program's file name."""
