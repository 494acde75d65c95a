"""Secrets in free text: addresses, headers, assignments, and tokens known by their shape.

All patterns are bounded or advance past what they have read: a command line may be megabytes
long and made to slow them down.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeAlias

from proccli.sources.secrets.names import Secrecy, is_secret, secrecy

Span: TypeAlias = tuple[int, int]

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
    )""",
    re.VERBOSE,
)
_SLACK_HOOK = re.compile(rb"hooks\.slack\.com/services/([\w/\-]{10,200})")
# `user:` of an address; `host:80/` is a port.
_USER = re.compile(rb"""://[^\s/?\#:@"'<>]{0,256}:(?!\d{1,5}[/?\#])""")
_MAX_PASSWORD = 1024
_ADDRESS_REST = re.compile(rb"""[^\s"'<>]{1,1025}""")
_QUERY = re.compile(rb"""[?&\#]([\w.\-\[\]%]{1,100})=([^\s&\#"'<>]{1,8192})""")
_QUERY_NAMES = frozenset(("key", "sig", "signature", "x-amz-signature", "x-goog-signature"))
_BEARER = re.compile(rb"\b(?:Bearer|bearer|BEARER)[ \t]+([A-Za-z0-9._~+/=\-]{12,8192})")
_PEM_BEGIN = re.compile(rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_PEM_END = re.compile(rb"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")


def find_in_text(text: bytes) -> Iterator[Span]:
    """The spans of secrets in a text, whatever surrounds them. Spans may overlap."""
    for found in _SHAPES.finditer(text):
        yield found.span()
    for pattern in (_BEARER, _SLACK_HOOK):
        for found in pattern.finditer(text):
            yield found.span(1)
    if b"-----BEGIN" in text:
        yield from _private_keys(text)
    if b"://" in text:
        yield from _address_passwords(text)
    if b"=" in text:
        yield from _parameters(text)
    if b"=" in text or b":" in text:
        yield from _assignments(text)


def _address_passwords(text: bytes) -> Iterator[Span]:
    """`password` in scheme://user:password@host; it may itself hold an "@" and a "/"."""
    at = -1
    for user in _USER.finditer(text):
        start = user.end()
        if at < start and (at := text.find(b"@", start)) < 0:
            return
        if at - start <= _MAX_PASSWORD and (rest := _ADDRESS_REST.match(text, start)):
            end = text.rfind(b"@", start, rest.end())
            if end > start:
                yield start, end


def _parameters(text: bytes) -> Iterator[Span]:
    """Values in the query of an address."""
    for found in _QUERY.finditer(text):
        name = found[1].decode("latin-1")
        if name.lower() in _QUERY_NAMES or is_secret(name, found[2]):
            yield found.span(2)


def _private_keys(text: bytes) -> Iterator[Span]:
    """The text inside a PEM block, up to the end where the block has no last line."""
    position = 0
    while begin := _PEM_BEGIN.search(text, position):
        end = _PEM_END.search(text, begin.end())
        stop = end.start() if end else len(text)
        if stop > begin.end():
            yield begin.end(), stop
        position = end.end() if end else len(text)


_NAME = re.compile(rb"""(?<![\w.\-])([A-Za-z_][\w.\-]{0,120})(\\?["']|\])?[ \t]?(=(?!=)|:)[ \t]?""")
_QUOTE = re.compile(rb"""\\?["']""")
# A value without quotes ends at a blank or a quote, and before `;name=`, `,name=`, `&name=`.
_BARE = re.compile(
    rb"""(?:[^\s"';,&]|[;,&](?![ \t]?(?:["'}\]]|\$|[A-Za-z_][\w.\- ]{0,60}=|$)))*""", re.VERBOSE
)
_HEADERS = frozenset(("authorization", "proxy-authorization", "cookie", "set-cookie"))
_TO_END_OF_LINE = re.compile(rb"""[^\r\n"']*""")
_SCHEME = re.compile(rb"[A-Za-z][A-Za-z0-9\-]{0,30}[ \t]+(?=\S)")


def _assignments(text: bytes) -> Iterator[Span]:
    """The values of `password=…`, `"token": …`, `Authorization: …` in a text."""
    position = 0
    while found := _NAME.search(text, position):
        position = found.end()
        name = found[1].decode("latin-1")
        header = found[3] == b":" and (name.lower() in _HEADERS or _is_custom_header(name))
        if not header and secrecy(name) is Secrecy.NONE:
            continue
        # `image/token:latest` is not an assignment; `"token":"x"` and `token: x` are.
        if found[3] == b":" and not found[2] and text[position - 1] not in b" \t":
            continue
        if header:
            has_scheme = name.lower().endswith("authorization")
            start, end = _header_value(text, position, has_scheme=has_scheme)
        else:
            start, end = _value(text, position)
        position = max(position, end)
        if start < end and (header or is_secret(name, text[start:end])):
            yield start, end


def _is_custom_header(name: str) -> bool:
    """`X-Api-Key`, `Private-Token`: the value may hold blanks."""
    return "-" in name and secrecy(name) is not Secrecy.NONE


def _value(text: bytes, start: int) -> Span:
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
