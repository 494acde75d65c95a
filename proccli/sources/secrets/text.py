"""Secrets in free text: addresses, headers, assignments, and tokens known by their shape.

All patterns are bounded or advance past what they have read: a command line may be megabytes
long and made to slow them down.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from proccli.sources.secrets.names import Secrecy, is_secret, secrecy

Span: TypeAlias = tuple[int, int]


class Secret(NamedTuple):
    """A secret, as a range of bytes."""

    start: int
    end: int
    found_by: str
    """What it was recognized by: the name of an option or a variable, a program and its option, or
    the shape of the text. It may be hostile text."""


# Tokens that are recognized anywhere, by the prefixes of the services that issue them.
_SHAPES = re.compile(
    rb"""(?<![A-Za-z0-9])(?:
      (?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Z])           # AWS key ids
    | gh[opsur]_[A-Za-z0-9]{20,255}                   # GitHub
    | github_pat_[A-Za-z0-9_]{20,255}
    | gl(?:pat|ptt|dt|rt|cbt|agent)-[\w.\-]{16,255}   # GitLab
    | xox[abeprs]-[A-Za-z0-9\-]{10,255}               # Slack
    | xapp-[A-Za-z0-9\-]{10,255}
    | eyJ[\w\-]{6,4096}\.[\w\-]{6,8192}(?:\.[\w\-]{0,4096}){1,3}   # JWT, JWE
    | AIza[\w\-]{35}                                  # Google
    | ya29\.[\w\-]{20,1024}
    | [rs]k_(?:live|test)_[A-Za-z0-9]{10,255}         # Stripe
    | sk-(?:[a-z]{2,8}-)?[\w\-]{20,255}               # OpenAI, Anthropic
    | SG\.[\w\-]{16,64}\.[\w\-]{16,128}               # SendGrid
    | npm_[A-Za-z0-9]{30,255}
    | pypi-[\w\-]{40,512}
    | dop_v1_[0-9a-f]{64}                             # DigitalOcean
    | hv[bsr]\.[\w\-]{20,255}                         # Vault
    | AGE-SECRET-KEY-1[0-9A-Z]{50,80}
    | [0-9a-f]{36}NRAL | eu01xx[0-9a-f]{30}NRAL       # New Relic
    | NRAK-[A-Z0-9]{20,40}
    | [0-9]{8,10}:AA[\w\-]{32,36}(?![\w\-])            # Telegram
    | hf_[A-Za-z]{30,64}                              # Hugging Face
    | shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}              # Shopify
    | LTAI[A-Za-z0-9]{16,24}(?![A-Za-z0-9])           # Alibaba Cloud key ids
    | ATATT3[\w\-=]{20,255}                           # Atlassian
    | dckr_pat_[\w\-]{20,64}                          # Docker
    | gl(?:sa|c)_[\w\-=]{30,255}                      # Grafana
    | lin_api_[A-Za-z0-9]{30,64}                      # Linear
    | nvapi-[\w\-]{50,128}                            # NVIDIA
    | gsk_[A-Za-z0-9]{40,64}                          # Groq
    | PMAK-[0-9a-f]{20,32}-[0-9a-f]{30,40}            # Postman
    | tskey-(?:[a-z]{2,10}-)?[\w\-]{16,128}           # Tailscale
    | pul-[0-9a-f]{40}                                # Pulumi
    | [A-Za-z0-9]{8,20}\.atlasv1\.[\w\-]{50,128}      # Terraform Cloud
    | EAAC[A-Za-z0-9]{20,255}                         # Facebook
    | SWMTKN-1-[a-z0-9]{10,64}-[a-z0-9]{10,64}        # Docker Swarm
    | sq0(?:atp|csp)-[\w\-]{22,64}                    # Square
    | xai-[A-Za-z0-9]{40,128} | sbp_[0-9a-f]{40} | r8_[A-Za-z0-9]{30,64} | figd_[\w\-]{30,64}
    )""",
    re.VERBOSE,
)
_SLACK_HOOK = re.compile(rb"hooks\.slack\.com/services/([\w/\-]{10,200})")
_DISCORD_HOOK = re.compile(rb"/api/webhooks/[0-9]{5,32}/([\w\-]{20,200})")
_TELEGRAM_BOT = re.compile(rb"/bot([0-9]{6,12}:[\w\-]{20,64})")
# `user:` of an address; `host:80/` is a port.
_USER = re.compile(rb"""://[^\s/?\#:@"'<>]{0,256}:(?!\d{1,5}[/?\#])""")
_MAX_PASSWORD = 1024
_ADDRESS_REST = re.compile(rb"""[^\s"'<>]{1,1025}""")
_QUERY = re.compile(rb"""[?&\#]([\w.\-\[\]%]{1,100})=([^\s&\#"'<>]{1,8192})""")
_QUERY_NAMES = frozenset(("key", "sig", "signature", "x-amz-signature", "x-goog-signature"))
_BEARER = re.compile(rb"\b(?:Bearer|bearer|BEARER)(?:[ \t]+|%20)([A-Za-z0-9._~+/=\-]{12,8192})")
_SQL = re.compile(
    rb"""\b(?:IDENTIFIED(?:[ \t]+WITH[ \t]+["'`\w]{1,64})?[ \t]+(?:BY|AS)
        (?:[ \t]+(?:PASSWORD|VALUES))?
      | PASSWORD(?:[ \t]+FOR[ \t]+[^\s=]{1,256}[ \t]*=|[ \t]*[(=]|(?=[ \t])))
    [ \t]*(?:PASSWORD[ \t]*\([ \t]*)?['"]([^'"]{1,1024})""",
    re.VERBOSE | re.IGNORECASE,
)
_SQL_BARE = re.compile(rb"\bIDENTIFIED[ \t]+BY[ \t]+([^\s'\";]{1,1024})", re.IGNORECASE)
_GO_DSN = re.compile(
    rb"""(?:^|[=\s"'])[\w.\-]{1,128}:([^\s"'()]{1,1024})@(?:tcp|udp|unix)?[46]?\("""
)
_ORACLE_URL = re.compile(rb"jdbc:oracle:[a-z]{1,16}:[\w$#]{1,128}/([^@\s\"']{1,1024})@")
_KEY_AS_USER = re.compile(rb"(?i:sentry|dsn)[^\s=]{0,64}[= ]https?://([0-9a-z]{16,64})(?=@|:)")
_SENTRY = re.compile(rb"https?://([0-9a-f]{16,64})(?=@[\w.\-]{0,200}sentry)")
_QEMU_OBJECT = re.compile(rb"(?:^|\s)secret,(?:[^,\s]{0,256},){0,8}data=([^,\s]{1,1024})")
# Of the Percona tools: h=db,u=root,p=…
_DSN_PAIRS = re.compile(rb"(?:^|[=\s])(?:[ADFLPSUhtu]=[^,\s]{0,256},){1,8}p=([^,\s]{1,1024})")
_LOGIN_CALL = re.compile(
    rb"""(?i:auth)\w{0,16}[ ]?=?[ ]?\([ ]?["'][^"']{0,128}["'],[ ]?["']([^"']{1,1024})"""
)
_SECURE_STRING = re.compile(
    rb"""ConvertTo-SecureString[ ]+(?:-\w{1,32}[ ]+){0,4}["']?([^\s"'\-][^\s"']{0,1024})"""
)
_TCL_SET = re.compile(rb"""\bset[ \t]+([A-Za-z_]\w{0,60})[ \t]+["{]?([^\s"{};\[\]$]{1,1024})""")
_BY_PLACE = (
    (_BEARER, "bearer token"),
    (_SLACK_HOOK, "address of a hook"),
    (_DISCORD_HOOK, "address of a hook"),
    (_TELEGRAM_BOT, "address of a hook"),
    (_SQL, "SQL"),
    (_SQL_BARE, "SQL"),
    (_DSN_PAIRS, "p="),
    (_LOGIN_CALL, "auth()"),
    (_SECURE_STRING, "ConvertTo-SecureString"),
    (_GO_DSN, "password in an address"),
    (_ORACLE_URL, "password in an address"),
    (_KEY_AS_USER, "key in an address"),
    (_SENTRY, "key in an address"),
    (_QEMU_OBJECT, "secret,data"),
)
"""Patterns whose first group is the secret, and what it was recognized by."""
_ASKED = re.compile(rb"(?i:password|passphrase|passcode|passwd|assword|assphrase|retype|again:)")
_SEND = re.compile(rb"""\bsend(?:_user)?[ \t]+(?:--?[a-z]*[ \t]+)?["{]([^"{}\\\r\n]{1,1024})""")
# Bounded everywhere: what follows an `echo` may be megabytes without an end.
_SHELL_WORD = rb"""(?:"(?:[^"\\]|\\.){0,1024}"|'[^']{0,1024}'|[^\s"'|;&<>()`]{1,1024})"""
_ECHO = re.compile(
    rb"\b(?:echo|printf)((?:[ \t]+" + _SHELL_WORD + rb"){1,16})[ \t]*([;&)}\s]{0,16}\|?)", re.DOTALL
)
_ECHO_WORD = re.compile(rb"[ \t]+(" + _SHELL_WORD + rb")", re.DOTALL)
_HERE_STRING = re.compile(rb"<<<[ \t]*(" + _SHELL_WORD + rb")", re.DOTALL)
_HERE_DOCUMENT = re.compile(rb"""<<-?[ \t]*["']?(\w{1,64})["']?([^\n<]{0,1024})\n""")
_READS_SECRET = re.compile(
    rb"""\bsudo\b.{0,256}?[ ]-[A-Za-z]*S\b | \bchpasswd\b | \bcryptsetup\b
    | --[a-z\-]{0,32}(?:password|passwd|passphrase|pass|token|secret)-(?:on-|from-)?stdin
    | --stdin(?:-password|-pass)?\b | --passphrase-fd | --with-token | -passin[ ]stdin
    | (?:^|[ ])(?:\S{0,64}/)?(?:kinit|smbpasswd|passwd|su)(?:[ ]|$)
    | \bvault[ ]login[ ]- | \bhtpasswd[ ]-[a-zA-Z]{0,8}i | \brclone[ ]obscure[ ]-""",
    re.VERBOSE,
)
_PEM_BEGIN = re.compile(rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_PEM_END = re.compile(rb"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")


def find_in_text(text: bytes) -> Sequence[Secret]:
    """The spans of secrets in a text, whatever surrounds them. Spans may overlap."""
    if len(text) <= _MAX_REPEATED:
        return _found_again(text)
    return tuple(_found(text))


_MAX_REPEATED = 128
"""Bytes of an argument that several processes may well have."""


@lru_cache(1 << 12)
def _found_again(text: bytes) -> Sequence[Secret]:
    return tuple(_found(text))


def _found(text: bytes) -> Iterator[Secret]:
    for found in _SHAPES.finditer(text):
        yield Secret(*found.span(), "token")
    for pattern, found_by in _BY_PLACE:
        for found in pattern.finditer(text):
            if is_secret("password", found[1]):
                yield Secret(*found.span(1), found_by)
    for mark, search in _BY_MARK:
        if mark in text:
            yield from search(text)
    if b"=" in text or b":" in text:
        yield from _assignments(text)


def _address_passwords(text: bytes) -> Iterator[Secret]:
    """`password` in scheme://user:password@host; it may itself hold an "@" and a "/"."""
    at = -1
    for user in _USER.finditer(text):
        start = user.end()
        if at < start and (at := text.find(b"@", start)) < 0:
            return
        if at - start <= _MAX_PASSWORD and (rest := _ADDRESS_REST.match(text, start)):
            end = text.rfind(b"@", start, rest.end())
            if end > start and is_secret("password", text[start:end]):
                yield Secret(start, end, "password in an address")


def _parameters(text: bytes) -> Iterator[Secret]:
    """Values in the query of an address."""
    for found in _QUERY.finditer(text):
        name = found[1].decode("latin-1")
        if name.lower() in _QUERY_NAMES or is_secret(name, found[2]):
            yield Secret(*found.span(2), name)


def _expect_answers(text: bytes) -> Iterator[Secret]:
    """What an expect script sends after it was asked for a password, and its variables."""
    if b"expect" not in text and b"spawn" not in text:
        return
    for asked in _ASKED.finditer(text):
        sent = _SEND.search(text, asked.end(), asked.end() + 256)
        if sent is not None and is_secret("password", sent[1]):
            yield Secret(*sent.span(1), "expect")
    for found in _TCL_SET.finditer(text):
        name = found[1].decode("latin-1")
        if is_secret(name, found[2]):
            yield Secret(*found.span(2), name)


def _piped(text: bytes) -> Iterator[Secret]:
    """What `echo` writes to a program that reads a password; of `user:password`, the password."""
    waiting: list[Span] = []
    end = -1
    for found in _ECHO.finditer(text):
        if found.start() != end:
            waiting = []
        waiting += (word.span(1) for word in _ECHO_WORD.finditer(text, *found.span(1)))
        end = found.end()
        if found[2][-1:] == b"|":
            yield from _read_by(text, waiting, _command_after(text, end), "echo to a program")
            waiting = []


def _here(text: bytes) -> Iterator[Secret]:
    """What a program that reads a password gets as a here-string or a here-document."""
    for found in _HERE_STRING.finditer(text):
        yield from _read_by(text, [found.span(1)], _command_before(text, found.start()), "<<<")
    for found in _HERE_DOCUMENT.finditer(text):
        reader = _command_before(text, found.start()) + found[2]
        end = text.find(b"\n" + found[1], found.end(), found.end() + 4096)
        if end > 0:
            yield from _read_by(text, [(found.end(), end)], reader, "<<")


def _command_after(text: bytes, start: int) -> bytes:
    return _COMMAND_END.split(text[start : start + 1024], maxsplit=1)[0]


def _command_before(text: bytes, end: int) -> bytes:
    return _COMMAND_END.split(text[max(0, end - 256) : end])[-1]


_COMMAND_END = re.compile(rb"[|;&\n]")


def _read_by(text: bytes, words: Sequence[Span], command: bytes, found_by: str) -> Iterator[Secret]:
    """The words as secrets if the command reads a password."""
    reader = _READS_SECRET.search(command)
    if reader is None:
        return
    for left, right in words:
        start, end = left, right
        if text[start : start + 1] in (b'"', b"'") and end - start > 1:
            start, end = start + 1, end - 1
        word = text[start:end]
        if b"%s" in word or word[:1] == b"-":
            continue  # the format of printf, an option of echo
        if b"chpasswd" in reader[0]:
            start += word.find(b":") + 1
        if start < end and is_secret("password", text[start:end]):
            yield Secret(start, end, found_by)


def _private_keys(text: bytes) -> Iterator[Secret]:
    """The text inside a PEM block, up to the end where the block has no last line."""
    position = 0
    while begin := _PEM_BEGIN.search(text, position):
        end = _PEM_END.search(text, begin.end())
        stop = end.start() if end else len(text)
        if stop > begin.end():
            yield Secret(begin.end(), stop, "private key")
        position = end.end() if end else len(text)


_NAME = re.compile(
    rb"""(?<![\w.\-])([A-Za-z_][\w.\-]{0,120})(\\?["']\]?|\])?[ \t]?(=(?!=)>?|:)[ \t]?"""
)
_QUOTE = re.compile(rb"""\\?["']""")
# A value without quotes ends at a blank or a quote, and before `;name=`, `,name=`, `&name=`.
_BARE = re.compile(
    rb"""(?:[^\s"';,&]|[;,&](?![ \t]?(?:["'}\]]|\$|[A-Za-z_][\w.\- ]{0,60}=|$)))*""", re.VERBOSE
)
# A value of ODBC in braces may hold `;`, and a brace that is written twice.
_BRACED = re.compile(rb"\{(?:[^}]|\}\}){0,1024}\}(?!\})")
_HEADERS = frozenset(("authorization", "proxy-authorization", "cookie", "set-cookie"))
_TO_END_OF_LINE = re.compile(rb"""[^\r\n"']*""")
_SCHEME = re.compile(rb"[A-Za-z][A-Za-z0-9\-]{0,30}[ \t]+(?=\S)")


def _assignments(text: bytes) -> Iterator[Secret]:
    """The values of `password=…`, `"token": …`, `Authorization: …` in a text."""
    position = 0
    while found := _NAME.search(text, position):
        position = found.end()
        name = found[1].decode("latin-1")
        if name == "PWD" and text[found.start() - 1 : found.start()] == b";":
            name = "pwd"  # of a connection string, not the working directory
        header = found[3] == b":" and (name.lower() in _HEADERS or _is_custom_header(name))
        if not header and secrecy(name) is Secrecy.NONE:
            continue
        # `image/token:latest` is not an assignment; `"token":"x"` and `token: x` are.
        after = text[position : position + 1]
        if (
            found[3] == b":"
            and not found[2]
            and after not in (b'"', b"'")
            and text[position - 1] not in b" \t"
        ):
            continue
        # `"auth": {…}` has names of its own; `"Password: "` is what a script waits for.
        if (found[3] == b":" and after in (b"{", b"[")) or (
            not found[2] and after == text[found.start() - 1 : found.start()] == b'"'
        ):
            continue
        if header:
            has_scheme = name.lower().endswith("authorization")
            start, end = _header_value(text, position, has_scheme=has_scheme)
        else:
            start, end = _value(text, position)
        position = max(position, end)
        if start < end and (header or is_secret(name, text[start:end])):
            yield Secret(start, end, name)


def _is_custom_header(name: str) -> bool:
    """`X-Api-Key`, `Private-Token`: the value may hold blanks."""
    return "-" in name and secrecy(name) is not Secrecy.NONE


def _value(text: bytes, start: int) -> Span:
    if braced := _BRACED.match(text, start):
        return braced.span()
    if quote := _QUOTE.match(text, start):
        end = text.find(quote[0], quote.end())
        return quote.end(), end if end >= 0 else len(text)
    bare = _BARE.match(text, start)
    return start, bare.end() if bare else start


def _header_value(text: bytes, start: int, *, has_scheme: bool) -> Span:
    """A header's value to the end of the line, without the authentication scheme
    (`Bearer`, `Basic`)."""
    if has_scheme and (scheme := _SCHEME.match(text, start)):
        start = scheme.end()
    line = _TO_END_OF_LINE.match(text, start)
    end = line.end() if line else start
    return start, start + len(text[start:end].rstrip())


_BY_MARK = (
    (b"-----BEGIN", _private_keys),
    (b"://", _address_passwords),
    (b"s", _expect_answers),
    (b"|", _piped),
    (b"<<", _here),
    (b"=", _parameters),
)
"""Searches, each with what a text must hold for it to find anything."""
