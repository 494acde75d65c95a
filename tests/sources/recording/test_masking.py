"""Secrets are hidden, and only secrets."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from proccli.model.process import FieldError, Process
from proccli.sources.recording.masking import MaskedSource, mask, mask_arguments, mask_process
from tests.build import ListSource, process
from tests.steps import growth

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"

LONG = "a1" * 18


def cmdline(*argv: str | bytes) -> bytes:
    return b"".join((a.encode() if isinstance(a, str) else a) + b"\0" for a in argv)


def masked(*argv: str | bytes) -> list[str]:
    """The arguments after masking."""
    hidden = mask(cmdline(*argv)).cmdline
    return [piece.decode(errors="backslashreplace") for piece in hidden.split(b"\0")[:-1]]


HIDDEN = [
    # options with their value in the same argument
    ["app", "--password=‹hunter2›"],
    ["app", "-password=‹hunter2›"],
    ["app", "--db.password=‹hunter2›"],
    ["app", "--token=‹abc›", "x"],
    ["app", "--api-key=‹abc›"],
    ["app", "--apikey=‹abc›"],
    ["app", "--apiKey:‹abc›"],
    ["app", "--access-key=‹abc›"],
    ["app", "--client_secret=‹abc›"],
    ["app", "--secret-id=‹abc›"],
    ["app", "--passwd=‹abc›"],
    ["app", "--db-pwd=‹abc›"],
    ["app", "--auth=‹user:abc›"],
    ["app", "--credentials=‹abc›"],
    ["app", "--private-key=‹MIIEvQIBADANBg›"],
    ["app", "--password=‹a b c›"],
    ["app", "--password=‹a;b&c,d›"],
    ["app", "--password=‹=x›"],
    ["app", "--PASSWORD=‹x›"],
    # options with their value in the next argument
    ["app", "--password", "‹hunter2›", "--port", "80"],
    ["app", "-token", "‹abc›"],
    ["app", "--secret", "‹a b›"],
    ["redis-server", "--requirepass", "‹x1›"],
    ["beam.smp", "-setcookie", "‹x1›"],
    ["keytool", "-storepass", "‹x1›", "-keypass", "‹y1›"],
    # what known programs take
    ["mysql", "-uroot", "-p‹hunter2›", "db"],
    ["/usr/bin/mysqldump", "-p‹hunter2›"],
    ["sudo", "mariadb", "-p‹hunter2›"],
    ["docker", "exec", "db", "mysql", "-p‹hunter2›"],
    ["docker", "login", "-u", "me", "-p", "‹x1›"],
    ["sshpass", "-p", "‹x1›", "ssh", "h"],
    ["sshpass", "-p‹x1›", "ssh", "h"],
    ["redis-cli", "-a", "‹-x1›", "ping"],
    ["curl", "-u", "me:‹x1›", "h"],
    ["curl", "-ume:‹x1›"],
    ["curl", "-sSu", "me:‹x1›", "h"],
    ["curl", "--user", "me:‹x1›"],
    ["curl", "-b", "sid=‹x1; b=c›", "h"],
    ["curl", "--user=me:‹x:1›"],
    ["ldapsearch", "-xw", "‹x1›"],
    ["7z", "a", "-p‹x1›", "f"],
    ["openssl", "rsa", "-passin", "‹pass:x1›"],
    ["smbclient", "-U", "me%‹x1›", "//h/s"],
    ["etcdctl", "--user", "root:‹x1›"],
    # variables and properties
    ["java", "-Ddb.password=‹x1›", "-jar", "a.jar"],
    ["java", "-DapiKey=‹x1›"],
    ["java", "-Djavax.net.ssl.trustStorePassword=‹changeit›"],
    ["env", "API_TOKEN=‹abc›", "run"],
    ["docker", "run", "-e", "MYSQL_PWD=‹x1›"],
    ["env", "PASSWORD=‹my secret words›"],
    ["env", "AWS_SECRET_ACCESS_KEY=‹/a/b+c›"],
    ["helm", "--set", "auth.password=‹x1›,image.tag=2"],
    ["mount", "-o", "user=me,password=‹x1›,uid=0"],
    # addresses
    ["app", "postgres://me:‹x1›@h:5432/db?a=1"],
    ["app", "redis://:‹x1›@h:6379/0"],
    ["app", "mongodb+srv://me:‹x@1/2›@h/db"],
    ["app", "--url=amqp://me:‹x1›@h//"],
    ["git", "clone", "https://me:‹x%401›@h/r"],
    ["app", "https://h/p?token=‹abc›&x=1"],
    ["app", "https://h/p?x=1&api_key=‹abc›&y=2"],
    ["app", "https://h/?X-Amz-Signature=‹abc›"],
    ["app", "https://hooks.slack.com/services/‹T0/B0/abcdef›"],
    # headers
    ["curl", "-H", "Authorization: Bearer ‹abc.def›"],
    ["curl", "-H", "authorization: Basic ‹bWU6eA==›"],
    ["curl", "-H", "Authorization: ‹abcdef›"],
    ["curl", "-HX-Api-Key:‹ a b›"],
    ["curl", "--header=Private-Token: ‹ab›"],
    ["curl", "-H", "Cookie: ‹sid=a; b=c›"],
    # shapes
    ["app", "‹AKIAIOSFODNN7EXAMPLE›"],
    ["app", f"‹ghp_{LONG}›"],
    ["app", f"x=‹github_pat_{LONG}›"],
    ["app", "‹xoxb-123456789012-abcdef›"],
    ["app", "‹glpat-abcdefghij0123456789›"],
    ["app", f"--jar=‹{JWT}›"],
    ["app", f"k:‹{JWT}›:k"],
    ["app", "-----BEGIN RSA PRIVATE KEY-----‹\nabc\ndef\n›-----END RSA PRIVATE KEY-----"],
    ["app", "-----BEGIN PRIVATE KEY-----‹\nabc›"],
    # connection strings and documents
    ["app", "Server=db;Password=‹x1›;Database=d"],
    ["app", "Server=db; User ID=sa; Password = ‹x1›; Database=d"],
    ["app", "host=h password=‹x1› dbname=d"],
    ["app", "--dsn=host=h password='‹x 1›' dbname=d"],
    ["app", '{"user": "me", "password": "‹x 1›"}'],
    ["app", r"{\"token\":\"‹abc›\"}"],
    ["curl", "-d", "user[password]=‹x1›&a=b"],
    # rewritten titles
    ["myd: worker --password ‹x1› --port 80"],
    ["myd --token=‹abc› --port 80"],
    ["mysqldump -uroot -p‹x1› db"],
    # what a shell is to run
    ["sh", "-c", "PGPASSWORD=‹x1› psql -h h; mysql -p‹x2› 'db'"],
    ["bash", "-lc", "app --token '‹a b›' --port 80"],
    ["sh", "-c", "ssh h 'mysql -p‹x1› db'"],
    ["sh", "-c", "a && curl -sSu me:‹x1› h | b"],
    ["sh", "-c", 'curl -H "X-Api-Key: ‹a b›" h'],
    # the file name of argv[0] stays
    ["/opt/a/b", "--password=‹x1›"],
    [f"/opt/‹ghp_{LONG}›/b"],
]


def plain(argv: list[str]) -> list[str]:
    """What stands between ‹ and › is secret."""
    return [argument.replace("‹", "").replace("›", "") for argument in argv]


@pytest.mark.parametrize("argv", HIDDEN, ids=" ".join)
def test_secret_is_hidden(argv: list[str]) -> None:
    expected = [re.sub("‹[^›]*›", "***", argument, flags=re.DOTALL) for argument in argv]
    assert masked(*plain(argv)) == expected


HARMLESS = [
    ["app", "--password-file=/etc/x", "--password-file", "/etc/x"],
    ["app", "--token-ttl=30", "--token-ttl", "30"],
    ["app", "--no-password", "x"],
    ["app", "--auth-mode=none", "--auth=none", "--auth", "/run/x/auth"],
    ["app", "--password=", "--token=true", "--secret=null"],
    ["app", "--password", "--port", "80"],
    ["app", "--password"],
    ["python3", "tokenizer.py", "--tokenizer=bpe", "--max-tokens=100", "--tokens", "5"],
    ["app", "--secret-name=x", "--secret-ref", "y", "--token-url=http://h/", "--token-path", "z"],
    ["app", "--enable-bootstrap-token-auth=x", "--use-token", "x", "--skip-password", "x"],
    ["app", "--bypass=1", "--compass", "north", "--passes=3", "--author=me", "--monkey=1"],
    ["app", "--key=value", "--keys", "a,b", "--pass-through=1"],
    ["app", "--private-key=/etc/ssl/a.key", "--private-key", "~/.ssh/id_rsa.pem"],
    ["Xorg", ":0", "-auth", "/run/lightdm/root/:0"],
    ["kube-apiserver", "--authorization-mode=Node,RBAC", "--service-account-key-file=/a/b.pub"],
    ["kubelet", "--authentication-token-webhook=true", "--rotate-certificates"],
    ["java", "-Djava.security.auth.login.config=/a/b", "-Xmx1g", "-cp", "/a/b.jar", "Main"],
    ["mysql", "-p", "db"],
    ["mysql", "--password", "db"],
    ["mysqld", "--port=3306", "--pid-file=/run/x.pid"],
    ["mysql", "-uroot", "-pxxxxxx", "--password=xxxxxx"],
    ["app", "-p", "8080", "-u", "me:us", "--user", "1000:1000"],
    ["docker", "run", "-p", "80:80", "image/token:latest"],
    ["ssh", "-p", "22", "host"],
    ["find", "/", "-name", "mysql", "-print"],
    ["app", "http://h:8080/@scope/x", "https://h/p?page=2", "git@h:me/r.git", "a://b/c@d"],
    ["npm", "install", "http://h:80/@a/b"],
    [
        "env",
        "PWD=/root",
        "OLDPWD=/",
        "GIT_ASKPASS=/usr/bin/x",
        "SSH_AUTH_SOCK=/tmp/s",
        "AWS_ACCESS_KEY_ID=x",
    ],
    ["env", "MYSQL_ROOT_PASSWORD_FILE=/run/secrets/x", "PGPASSFILE=/x"],
    ["openvpn", "--auth-user-pass", "/etc/openvpn/pass", "--askpass", "/etc/openvpn/x"],
    ["curl", "-b", "/tmp/jar", "h"],
    ["openssl", "-passin", "file:/etc/x", "-passout", "env:X"],
    ["nginx: worker process"],
    ["postgres: shop orders 10.0.0.5(41000) idle"],
    ["sshd: root@pts/0"],
    ["redis-server *:6379"],
    ["php-fpm: master process (/etc/php/7.4/fpm/php-fpm.conf)"],
    ["sh", "-c", "while :; do sleep 1; done"],
    ["app", "skip", "sk-", "eyJ", "AKIA", "Bearer of news", "ghp_short"],
    ["[kworker/0:0H]"],
    [""],
    ["", "", ""],
]


@pytest.mark.parametrize("argv", HARMLESS, ids=" ".join)
def test_harmless_text_stays(argv: list[str]) -> None:
    assert masked(*argv) == argv


@pytest.mark.parametrize("secret", ["x1", "hunter2" * 50, "数据库", 'a"b'])
def test_mask_does_not_tell_the_length(secret: str) -> None:
    assert masked("app", f"--password={secret}", "x") == ["app", "--password=***", "x"]


def test_holes_are_where_the_masks_are() -> None:
    hidden, masked_spans, _ = mask(
        cmdline("app", "--password", "hunter2", "postgres://me:x1@h/db", "--k=v")
    )
    assert [hidden[start:end] for start, end in masked_spans] == [b"***", b"***"]
    assert hidden == cmdline("app", "--password", "***", "postgres://me:***@h/db", "--k=v")


def test_argument_that_is_not_utf8_stays_one_after_masking() -> None:
    """The agent has no process whose command line isn't UTF-8: a mask must not give it one."""
    hidden, masked_spans, _ = mask(cmdline("app", b"--password=\xff\xfe", b"--token=ok"))
    assert hidden == cmdline("app", b"--password=***\xff", b"--token=***")
    assert masked_spans == ((15, 19), (28, 31))


def test_secret_beside_bytes_that_are_not_utf8_is_hidden() -> None:
    assert mask(cmdline(b"\xff\xfe", b"--p\xff=x", b"-Dpassword=x1"))[0] == cmdline(
        b"\xff\xfe", b"--p\xff=x", b"-Dpassword=***"
    )


def test_title_without_an_end_is_masked_too() -> None:
    assert mask(b"myd --token=abc")[0] == b"myd --token=***"
    assert mask(b"myd --token=abc\0\0\0")[0] == b"myd --token=***\0\0\0"


def test_masking_again_changes_nothing() -> None:
    for argv in HIDDEN:
        once = mask(cmdline(*plain(argv)))
        assert mask(*once[:2])[:2] == once[:2]


FRAGMENTS = [
    *("--password", "=", "x1", "--token=", "mysql", "-p", " ", "'", '"', ";", "sh", "-c", "://"),
    *("a:b@", "Authorization: ", "?token=", "&", "***", "\\", "{", "-----BEGIN PRIVATE KEY"),
    *("-----", "curl", "-u", "env", "\n", "é"),
]
fragments = st.one_of(
    st.sampled_from(FRAGMENTS).map(str.encode),
    st.binary(max_size=4),
)
cmdlines = st.lists(
    st.lists(fragments, max_size=8).map(b"".join).map(lambda raw: raw.replace(b"\0", b"")),
    max_size=5,
).map(b"\0".join)


@given(cmdlines)
def test_only_what_is_in_holes_changes(raw: bytes) -> None:
    hidden, masked_spans, _ = mask(raw)
    assert hidden.count(b"\0") == raw.count(b"\0")
    assert [bool(p) for p in hidden.split(b"\0")] == [bool(p) for p in raw.split(b"\0")]
    assert _is_utf8(hidden) == _is_utf8(raw)
    assert masked_spans == tuple(sorted(masked_spans))
    position = 0
    kept = []
    for start, end in masked_spans:
        assert b"\0" not in hidden[start:end]
        kept.append(hidden[position:start])
        position = end
    kept.append(hidden[position:])
    # What is left stands in the original, in this order, around the secrets.
    around = b"[^\\0]+".join(re.escape(part) for part in kept)
    assert re.fullmatch(around, raw, re.DOTALL)


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


@given(st.text(st.characters(categories=["L", "Nd"]), min_size=7, max_size=30), st.data())
def test_no_part_of_a_secret_is_left(secret: str, data: st.DataObject) -> None:
    assume(set(secret) not in ({"x"}, {"X"}))  # what mysql writes over a password
    shape = data.draw(
        st.sampled_from(
            [
                "app\0--password={}\0",
                "app\0--token\0{}\0",
                "mysql\0-p{}\0",
                "env\0SECRET={}\0",
                "app\0http://me:{}@h/\0",
                "sh\0-c\0app --password {} -v; mysql -p'{}'\0",
                "title --api-key={} rest",
            ]
        )
    )
    hidden, _, _ = mask(shape.replace("{}", secret).encode())
    assert hidden.decode() == shape.replace("{}", "***")


@pytest.mark.parametrize(
    "text",
    [
        b"a://b:" * 25_000,
        b"password=" * 20_000,
        b"token= " * 20_000,
        b"'" * 150_000,
        b'"\\' * 75_000,
        b"-----BEGIN PRIVATE KEY-----" * 5_000,
        b"eyJ" * 50_000,
        b"eyJaaaaaa.eyJ" * 10_000,
        b"mysql -p" * 15_000,
        b"sh\0-c\0" * 15_000,
        b"--token\0" * 15_000,
        b"Authorization: " * 10_000,
        b"a=" * 75_000,
        b"-" * 150_000,
        b"/" * 150_000,
        b"\0" * 150_000,
    ],
    ids=lambda text: text[:20].decode(errors="replace"),
)
def test_hostile_text_takes_no_more_than_its_length(text: bytes) -> None:
    """Ten times the text may take some twenty times as long, never a hundred times."""
    short = min(_seconds(text[: len(text) // 10]) for _ in range(2))
    long = min(_seconds(text) for _ in range(2))
    assert long < 25 * short + 0.05


def _seconds(text: bytes) -> float:
    started = time.process_time()
    mask(text)
    return time.process_time() - started


def test_process_without_secrets_is_the_same() -> None:
    harmless = process(1, "nginx")
    assert mask_process(harmless) is harmless
    unread = Process(pid=1, errors=(FieldError(field="cmdline", problem="gone", detail="ESRCH"),))
    assert mask_process(unread) is unread


def test_masked_source_hides_and_says_so() -> None:
    plain = process(1, "app", "--password=hunter2", root_inode=7)
    source = MaskedSource(ListSource([plain, process(2, "x")], users={0: "root"}))

    assert source.host.redacted
    assert source.pids() == [1, 2]
    assert source.read(1) == plain._replace(
        cmdline=b"app\0--password=***\0", masked_spans=((15, 18),)
    )
    assert source.read(1) is source.read(1)
    assert source.users(source.read(1)) == {0: "root"}


def test_holes_of_an_earlier_masking_are_kept() -> None:
    earlier = process(1, "app", "***", "--token=abc")._replace(masked_spans=((4, 7),))
    again = mask_process(earlier)
    assert again.cmdline == b"app\0***\0--token=***\0"
    assert again.masked_spans == ((4, 7), (16, 19))


class _Counted(tuple[tuple[int, int], ...]):
    """Spans that count how often they are searched."""

    searched = 0

    def __contains__(self, item: object) -> bool:
        type(self).searched += 1
        return super().__contains__(item)


def test_masking_again_does_not_search_the_spans_for_each_span() -> None:
    line = cmdline("app", *["pw=ab"] * 200)
    hidden, spans, _ = mask(line)
    counted = _Counted(spans)

    assert mask(hidden, counted)[:2] == (hidden, spans)
    assert counted.searched == 0
    assert growth(lambda count: mask(cmdline("app", *["pw=ab"] * count)), 200) < 2.5


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (b"app\0" + (b"pw=" + b"a" * 40 + b"\0") * 40_000, b"***"),
        (b"app\0" + b"x" * 2_000_000 + b"\0", b"app\0***"),
        (b"app\0" + b"x" * 2_000_000 + b"\xff", b"app\0***\xff"),
        (b"y" * 2_000_000, b"***"),
    ],
)
def test_what_follows_a_megabyte_is_masked_unread(line: bytes, shown: bytes) -> None:
    hidden, spans, _ = mask(line)

    assert hidden.endswith(shown)
    assert len(spans) < 30_000
    assert len(mask(hidden, spans)[0]) <= len(hidden)


def test_the_padding_of_a_title_is_not_long() -> None:
    assert mask(b"nginx: worker" + b"\0" * 3_000_000)[1] == ()


def test_the_arguments_of_a_command_are_masked_to_be_shown() -> None:
    command = ["/bin/tags", "--token", "abc", "--url", "https://me:pw@host/", "\udcff"]
    shown = ["/bin/tags", "--token", "***", "--url", "https://me:***@host/", "\udcff"]
    assert mask_arguments(command) == shown
    assert mask_arguments([]) == []
