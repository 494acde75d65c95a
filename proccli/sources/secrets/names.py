"""Names of secrets: whether the value of an option, a variable or a header is one."""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache


class Secrecy(Enum):
    """How likely the value under a name is a secret."""

    NONE = "none"
    LIKELY = "likely"
    """A secret, unless the value is a path or a number: `--auth`, `--private-key`."""
    CERTAIN = "certain"


def word_set(text: str) -> frozenset[str]:
    """The words of a text, separated by blanks."""
    return frozenset(text.split())


_CERTAIN_ENDINGS = (
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "secretkey",
    "accountkey",
    "sharedkey",
    "masterkey",
    "encryptionkey",
    "signingkey",
    "authkey",
    "hmackey",
    "sessionkey",
    "licensekey",
    "appkey",
    "passwort",
    "credentialkey",
)
_CERTAIN_LAST = {"pw", "psk", "passin", "passout", "jwt", "bearer", "masterauth", "dsnkey"}
_LIKELY_LAST = {
    "askpass",
    "auth",
    "basicauth",
    "cookie",
    "credential",
    "credentials",
    "creds",
    "pwd",
    "setcookie",  # Erlang's
    "secrets",
    "tokens",
    "passwords",
}
_LIKELY_ENDINGS = ("privatekey", "authuserpass")
_OTHER_PASSES = {"bypass", "compass", "encompass", "overpass", "underpass"}

# Last words of names that describe a secret but don't hold it.
_DESCRIPTORS = word_set(
    """
    algorithm algorithms alg audience backend bits bucket budget bytes cache callback chars class
    claim cmd command config cost count dir directory disabled driver duration enabled
    encoding endpoint env expiration expiry expires field file filename files format
    hint host id ids interval issuer kind length lifetime limit limits location lookup max
    maximum method min minimum mode module name names namespace optional path paths plugin
    policy port prefix prompt protocol provider realm ref reference refresh region regex
    required retries rotation rounds schema scheme scope scopes script server service size
    source stdin storage store strength strategy suffix supported template timeout ttl type uri
    url user username validation validity var variable version window
    """
)
# First words of names that switch or limit something about a secret.
_OPENERS = word_set(
    """
    allow allowed ask bos can check count disable enable enabled eos force generate has hide ignore
    is max min n no num number only pad print prompt read require reset sep show skip stop support
    unk use verify with without
    """
)
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")


@lru_cache(maxsize=4096)
def secrecy(name: str) -> Secrecy:
    """How likely the value of an option, variable, property, header or parameter is a secret.

    >>> secrecy("db.rootPassword"), secrecy("password-file"), secrecy("tokenizer")
    (<Secrecy.CERTAIN: 'certain'>, <Secrecy.NONE: 'none'>, <Secrecy.NONE: 'none'>)
    """
    words = [word.lower() for word in _WORD.findall(name)]
    if not words or words[0] in _OPENERS or name in ("PWD", "OLDPWD"):
        return Secrecy.NONE
    last, joined = words[-1], "".join(words)
    if last in _DESCRIPTORS and words[-2:] != ["secret", "id"]:
        return Secrecy.NONE
    if last in _LIKELY_LAST or joined.endswith(_LIKELY_ENDINGS):
        return Secrecy.LIKELY
    if joined.endswith(_CERTAIN_ENDINGS) or last in _CERTAIN_LAST or _names_a_pass(last):
        return Secrecy.CERTAIN
    # Inside a name too: PASSWORD_ADMIN, secret_id, token2fa.
    if any(word.endswith(_CERTAIN_ENDINGS) for word in words[:-1]):
        return Secrecy.CERTAIN
    return Secrecy.NONE


def _names_a_pass(word: str) -> bool:
    """`keypass`, `dbpass`, `requirepass`."""
    return word.endswith("pass") and word not in _OTHER_PASSES


_NOTHING = frozenset((b"", b"true", b"false", b"yes", b"no", b"none", b"on", b"off", b"null"))
_PATH = re.compile(
    rb"(?:~|\.{0,2})/(?:[^/]+/|[^/]*\.[A-Za-z])|[\w.\-]+\.(?:pem|key|crt|json|ya?ml)$"
)
# How a login is done, where the name could as well hold the secret: `--auth jwt`.
_METHODS = frozenset(
    word.encode()
    for word in word_set(
        """
        anonymous auto basic bearer cert default digest external file form gitea github gitlab
        google gssapi htpasswd http internal jwt kerberos krb5 ldap local main md5 mtls negotiate
        ntlm oauth oauth2 oidc openid pam peer plain saml sasl scram secret simple ssl static system
        tls token trust
        """
    )
)
_DIGEST_NAME = re.compile(
    rb"(?:sha|scram-sha|blake|md|rmd|whirlpool|aes|hmac)-?[0-9][\w\-]{0,12}", re.IGNORECASE
)
# Where a secret is kept: a variable, a command, a file, a store.
_REFERENCE = re.compile(
    rb"""\$\w+$ | \$\{[^{}]*\}$ | \$\(.*\)$ | `[^`]*`$ | %\w+%$ | \{\{.*\}\}$ | <[^<>]*>$
    | @\.{0,2}/ | @[\w.\-]+\.[a-z]{2,5}$ | id_(?:rsa|dsa|ecdsa|ed25519)$
    | (?:file|env|fd|vault|ssm|op|arn|secretsmanager|awssm|gcpsm|sops|keyring|k8s|kubernetes)://?[\w/.]
    | (?:file|env|fd|vault|ref|arn):[\w/]""",
    re.VERBOSE | re.DOTALL,
)
_SHORT_COUNT = re.compile(rb"[0-9]{1,5}")
# What programs write over a password in their own command line: mysql x's, others stars.
_OVERWRITTEN = re.compile(rb"x{3,}|X{3,}|\*+")
_PHASES = frozenset((b"1", b"2", b"3"))
"""Of an encoder: `-pass 1`."""


def is_secret(name: str, value: bytes) -> bool:
    """Whether a value under such a name is worth hiding. `none`, `true` and the like are not."""
    kind = secrecy(name)
    if kind is Secrecy.NONE or value.lower() in _NOTHING or _OVERWRITTEN.fullmatch(value):
        return False
    if _REFERENCE.match(value) or (name in ("pass", "passin", "passout") and value == b"stdin"):
        return False
    last = _WORD.findall(name)[-1].lower()
    if kind is Secrecy.LIKELY or last.endswith(("token", "auth", "jwt")):
        lower = value.lower()
        if lower in _METHODS or _DIGEST_NAME.fullmatch(value) or _SHORT_COUNT.fullmatch(value):
            return False
    if kind is Secrecy.LIKELY:
        return not (value.isdigit() or _PATH.match(value))
    return not (last == "pass" and value in _PHASES)
