"""The table of programs that take a secret in an option, or at a position of their own.

Names that tell a secret (`--password`, `DB_TOKEN=`) are known everywhere and not listed here. To
add a program, add a line; the examples that it must hide or leave alone are in
`tests/data/secrets`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from proccli.sources.secrets.names import word_set

_TABLE: Final = """
mysql mysqladmin mysqlbinlog mysqlcheck mysqldump mysqlimport mysqlpump mysqlshow mysqlslap mysqlsh
mysql_upgrade mycli xtrabackup innobackupex mariabackup mariadb mariadb-admin mariadb-binlog
mariadb-check mariadb-dump mariadb-import mariadb-show mariadb-slap mariadb-backup mariadb-upgrade
    : -pSECRET | --password
mysqladmin mariadb-admin : password SECRET
mysqlsh impacket-psexec impacket-wmiexec impacket-smbexec impacket-secretsdump ezstream
psexec.py wmiexec.py smbexec.py secretsdump.py : USER:SECRET@HOST
mongo mongosh mongodump mongorestore mongoexport mongoimport mongostat mongotop mongofiles
cqlsh mydumper myloader cypher-shell hdbsql : -p[ ]SECRET
pt-archiver pt-table-checksum pt-table-sync pt-online-schema-change pt-slave-restart pt-heartbeat
pt-kill pt-query-digest pt-show-grants pt-duplicate-key-checker : -p[ ]SECRET
beeline : -p SECRET
vsql : -w[ ]SECRET
sqlcmd bcp osql tsql : -P[ ]SECRET
isql : -P[ ]SECRET | DSN USER SECRET
nodetool : -pw SECRET
neo4j-admin : set-initial-password SECRET | dbms set-initial-password SECRET
db2 : NAME VALUE | using SECRET
sqlplus sqlldr exp expdp imp impdp rman sqlcl tnsping wrap dgmgrl sql : USER/SECRET
redis-cli keydb-cli valkey-cli
    : -a SECRET | auth SECRET | auth USER SECRET | config set NAME VALUE | >SECRET
redis-server redis-sentinel valkey-server keydb-server : auth-pass MASTER SECRET
influx : -t SECRET
7z 7za 7zr 7zz rar unrar : -pSECRET
rar unrar : -hpSECRET
zip unzip : -P[ ]SECRET
ccrypt ccencrypt ccdecrypt : -K[ ]SECRET
qpdf : --encrypt SECRET
pdftk : NAME VALUE
steghide : -p SECRET
openssl : passwd SECRET... | -k SECRET | -K SECRET | -hmac SECRET
htpasswd mosquitto_passwd : -b SECRET...
sshpass rdesktop rabbitmqadmin xmrig ncftp ncftpput ncftpget ncftpls ncftpbatch : -p[ ]SECRET
openfortivpn vpncli crackmapexec netexec nxc evil-winrm hydra mcrcon spacecmd twine : -p SECRET
ipmi-sensors ipmi-sel ipmi-fru ipmipower ipmiconsole bmc-info testsaslauthd racadm esxcli psexec
fence_ipmilan fence_apc fence_drac5 fence_ilo fence_ilo4 fence_idrac fence_vmware_soap : -p SECRET
ipmitool : -P[ ]SECRET | user set password ID SECRET
knife : -P[ ]SECRET
plink pscp psftp putty : -pw SECRET
mosquitto_pub mosquitto_sub mosquitto_rr mqttx : -P[ ]SECRET
emqx_ctl emqx : users add USER SECRET | admins passwd USER SECRET | admins add USER SECRET
ldapsearch ldapadd ldapmodify ldapdelete ldapwhoami ldapcompare ldapmodrdn ldapexop dsconf kadmin
squid_ldap_auth basic_ldap_auth squid_ldap_group ext_ldap_group_acl digest_ldap_auth : -w[ ]SECRET
ldappasswd : -w[ ]SECRET | -s[ ]SECRET | -a[ ]SECRET
slappasswd : -s[ ]SECRET
kadmin kadmin.local : -pw SECRET
ipa-server-install : -p SECRET | -a SECRET
ipa-client-install ipa-replica-install : -w SECRET
curl : -u[ ]USER:SECRET | -U[ ]USER:SECRET | -b[ ]NAME=SECRET | -E[ ]FILE:SECRET
    | --cert FILE:SECRET | --cert=FILE:SECRET | --proxy-cert FILE:SECRET
    | --proxy-user USER:SECRET | --proxy-user=USER:SECRET
curl etcdctl turnserver : --user USER:SECRET | --user=USER:SECRET
turnserver coturn : -u USER:SECRET
ctr : --user USER:SECRET | --user=USER:SECRET | -u USER:SECRET
http https check_http : -a[ ]USER:SECRET
dumpcap tshark : -A USER:SECRET
ab : -A[ ]USER:SECRET | -P[ ]USER:SECRET
transmission-remote : -n USER:SECRET
transmission-daemon : -v SECRET
concourse : --add-local-user USER:SECRET
bundle : config HOST USER:SECRET
chpasswd : USER:SECRET
lftp : -u[ ]USER,SECRET
smbclient rpcclient smbget net wmic winexe pth-winexe : -U[ ]USER%SECRET
net : user USER SECRET | user add USER SECRET
snmpget snmpgetnext snmpwalk snmpbulkwalk snmpbulkget snmpset snmptrap snmpinform snmptable
snmpstatus snmpdf : -A[ ]SECRET | -X[ ]SECRET | -c[ ]SECRET
check_snmp : -C SECRET | -A SECRET | -X SECRET
check_mysql check_mysql_query check_pgsql check_mssql check_oracle : -p[ ]SECRET
check_ldap : -P[ ]SECRET
radtest : USER SECRET | USER PASSWORD HOST PORT SECRET
radclient : HOST COMMAND SECRET
xfreerdp xfreerdp3 wlfreerdp sdl-freerdp : /p:SECRET
signtool : /p SECRET
schtasks : /rp SECRET | /p SECRET
sc : password= SECRET
useradd usermod : -p[ ]SECRET
ssh-keygen : -N[ ]SECRET | -P[ ]SECRET
wpa_passphrase : SSID SECRET
wpa_cli nmcli : NAME VALUE
pppd : password SECRET
iwconfig iw : key SECRET
ss-local ss-server ss-redir ss-tunnel ss-manager sslocal ssserver : -k[ ]SECRET
frpc : -t SECRET
ngrok : authtoken SECRET | add-authtoken SECRET
steamcmd : +login USER SECRET
swaks sipp : -ap SECRET
sendemail : -xp SECRET
doveadm : pw -p SECRET | auth test USER SECRET
grafana-cli grafana : reset-admin-password SECRET
elasticsearch-users : -p SECRET
dig nsupdate host delv : -y KEY:SECRET
virsh : secret-set-value UUID SECRET
drbdadm drbdsetup : shared-secret SECRET
vault : login SECRET | unseal SECRET
consul : -encrypt SECRET | -encrypt=SECRET | keyring -install SECRET
nomad : keyring install SECRET
buildah crane docker helm nerdctl oras podman skopeo az oc cf ibmcloud fly flyctl jf jfrog rancher
    : login -p[ ]SECRET
flyctl : -t SECRET
docker podman nerdctl buildah gcloud : --secret NAME
aws : configure set NAME VALUE | put-parameter --value SECRET | --secret-id NAME
az : secret --value SECRET
gh : secret --body SECRET
doctl codecov : -t SECRET
ossutil ossutil64 : -k[ ]SECRET
swift : -K[ ]SECRET
kubectl oc : --from-literal KEY=SECRET | --from-literal=KEY=SECRET
mc mcli : alias set ALIAS URL ACCESS SECRET | config host add ALIAS URL ACCESS SECRET
    | user add ALIAS USER SECRET
rabbitmqctl : add_user USER SECRET | change_password USER SECRET | authenticate_user USER SECRET
rclone : NAME VALUE | obscure SECRET | --htpasswd FILE
pulumi : --secret SECRET...
git npm yarn pnpm poetry : config NAME VALUE | config set NAME VALUE
poetry : publish -p SECRET
cargo : login SECRET
composer : config http-basic USER SECRET
snyk : auth SECRET
pro ua : attach SECRET
security : -p SECRET
gitlab-runner : register -r SECRET
dotnet nuget : push -k SECRET
java mvn mvnw sonar-scanner : -Dsonar.login=SECRET | -Dskywalking.agent.authentication=SECRET
newrelic-daemon : --license SECRET
kcptun : -key SECRET
deluge-console : connect HOST USER SECRET
openvpn : --secret FILE | --askpass FILE | --auth-user-pass FILE
"""
"""Names of programs, a colon, and places, separated by bars; a line that begins with neither a name
nor follows a complete one continues the one before. A place is written as in a manual:

- `-p SECRET` is the next argument, `-pSECRET` the same one, `-p[ ]SECRET` either.
- `-u USER:SECRET` is the part after the first colon; any other separator may stand there.
- `login -p SECRET` is an option of one command of the program.
- `alias set ALIAS URL ACCESS SECRET` is a position after words of a command; a word in capitals is
  any argument that is not an option. `USER:SECRET@HOST` is any argument of this form.
- `-b SECRET...` is the last argument where the option is given, `passwd SECRET...` after a command.
- `config set NAME VALUE` is a value under a name, secret if its name is.
- `--secret FILE` is harmless, although its name says otherwise; so is `--password` alone, which
  takes no next argument.

The file name of the program is written in small letters, without `.exe` and the like.
"""


class Option(NamedTuple):
    """An option and how it takes its value."""

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
    harmless: bool = False
    """The value is no secret, whatever the option's name."""


class Position(NamedTuple):
    """Where among its arguments that are no options a program takes a secret."""

    words: tuple[bytes, ...] = ()
    """The words of the command, directly before; in small letters."""
    skipped: int = 0
    """How many arguments stand between them and the secret."""
    after: bytes = b""
    """The secret begins after the first of these."""
    before_host: bool = False
    """The secret ends before `@host`, and there is none without it."""
    last: bool = False
    """The secret is the last argument."""
    named: bool = False
    """Two arguments, a name and its value, which is a secret if the name says so."""


class Program(NamedTuple):
    """The places where a program takes secrets."""

    options: tuple[Option, ...] = ()
    positions: tuple[Position, ...] = ()


_VALUE: Final = r"(?:[A-Z]+(?P<after>[^A-Z ]))?SECRET(?P<host>@HOST)?(?P<last>\.\.\.)?"
_OPTION: Final = re.compile(
    r"(?P<command>[a-z][a-z_\-]* )?(?P<flag>[\-/>][\w.\-]*?[=:]?)"
    rf"(?:(?P<gap> |\[ \]|){_VALUE}| (?P<harmless>[A-Z]+))?"
)
_POSITION: Final = re.compile(
    rf"(?P<words>(?:[a-z_+][a-z_=\-]* )*)"
    rf"(?:(?P<named>NAME VALUE)|(?P<skipped>(?:[A-Z]+ )*){_VALUE})"
)


def _parsed(text: str) -> Option | Position:
    """One place in the table's notation."""
    if place := _OPTION.fullmatch(text):
        gap = place["gap"]
        return Option(
            flag=place["flag"].encode(),
            separate=(gap in (" ", "[ ]") and not place["last"]) or place["harmless"] is not None,
            attached=gap in ("", "[ ]"),
            after=(place["after"] or "").encode(),
            command=(place["command"] or "").strip().encode(),
            last=place["last"] is not None,
            harmless=place["harmless"] is not None,
        )
    place = _POSITION.fullmatch(text)
    if place is None:
        raise ValueError(text)
    return Position(
        words=tuple(place["words"].encode().split()),
        skipped=len((place["skipped"] or "").split()),
        after=(place["after"] or "").encode(),
        before_host=place["host"] is not None,
        last=place["last"] is not None,
        named=place["named"] is not None,
    )


_ENTRY: Final = re.compile(r"(?P<names>[^:|]+)\s: (?P<places>(?:[^\n]|\n +\|)+)\n")


def _programs() -> Iterator[tuple[str, Option | Position]]:
    for entry in _ENTRY.finditer(_TABLE):
        for place in entry["places"].split(" | "):
            parsed = _parsed(place.strip())
            for name in entry["names"].split():
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

WRAPPERS: Final = word_set(
    """
    ash bash busybox chpst chroot chrt crictl crosh dash doas docker docker-compose dumb-init
    eatmydata entr env envdir exec faketime fakeroot firejail flock gdb gosu ionice ip kubectl
    ltrace lxc lxc-attach nerdctl nice
    node nohup nsenter numactl oc parallel perf perl php pkexec podman
    prlimit proxychains python rlwrap ruby runuser s6-setuidgid screen script setpriv setsid
    setuidgid sh softlimit ssh start-stop-daemon stdbuf strace su su-exec sudo systemd-inhibit
    systemd-run taskset time timeout tini tmux torify torsocks unbuffer unshare valgrind
    watch with-contenv xargs zsh
    """
)
"""Programs that run another one, named in a later argument."""

_NAME_BYTES: Final = 64
_ENDINGS: Final = (".exe", ".cmd", ".bat", ".sh")


def file_name(text: bytes) -> str:
    r"""The name of a program as it is in the table: `/usr/bin/mysql`, `C:\bin\SQLCMD.EXE`."""
    name = text.rpartition(b"/")[2].rpartition(b"\\")[2][:_NAME_BYTES].decode("latin-1").lower()
    for ending in _ENDINGS:
        name = name.removesuffix(ending)
    return name


_WORD: Final = re.compile(rb"[\w.\-]+")


def mentions_program(cmdline: bytes) -> bool:
    """Whether a program of the table may be in a command line."""
    return any(_is_program(word[:_NAME_BYTES]) for word in _WORD.findall(cmdline))


@lru_cache(1 << 12)  # most words are in many command lines
def _is_program(word: bytes) -> bool:
    return file_name(word) in PROGRAMS
