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
    "secretkeybase",
    "subscriptionkey",
    "storagekey",
    "activationkey",
    "encryptkey",
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
_LIKELY_ENDINGS = ("privatekey", "authuserpass", "certificatekey")
# Names that end like a secret's and mean a place in a text or a list, or the name of a secret.
_NO_SECRETS = (
    "audiotoken",
    "boundarytoken",
    "clstoken",
    "continuationtoken",
    "existingsecret",
    "imagetoken",
    "initialclustertoken",
    "masktoken",
    "maxtoken",
    "nexttoken",
    "pagetoken",
    "pullsecret",
    "septoken",
    "speechtoken",
    "startingtoken",
    "stoptoken",
    "tlssecret",
    "videotoken",
)
_OTHER_PASSES = {"bypass", "compass", "encompass", "overpass", "underpass"}

# Last words of names that describe a secret but don't hold it.
_DESCRIPTORS = word_set(
    """
    accounts addr address age alg algorithm algorithms args attempts attribute attributes
    audience backend bits branch bucket budget bytes cache callback change chars check claim
    class cmd column command comment config cost count days db debug digest dim dir directory
    disabled domain driver duration enabled encoder encoding encryption endpoint endpoints env
    expiration expired expires expiry factory fd fds field file filename files form format
    generator gid grace group groups handler hashing header headers helper hint history holder
    hook host hosts hours httponly id ids index instance interval issuer kind kwargs label
    labels length level lifetime limit limits link list loader location log logs lookup manager
    max maximum method min minimum minutes mode module ms name names namespace network number
    optional options opts order owner page parser path paths per percent period permissions
    persistent placeholder plugin policy pool port ports prefix processor prompt protocol
    provider queue ratio realm ref reference refresh regex region renewal repo repository
    request requests required reset resolver retries reviewer role roles root rotate rotation
    rounds rule rules sa salt samesite schema scheme scope scopes script sec seconds secs secure
    selector server service settings size sock socket source status stdin storage store strategy
    strength suffix supported sync syncs table tag tags template text threshold timeout times
    timestamp title topic total ttl type uid uri url urls usage user username users validation
    validity var variable version webhook width window wizard wsgi
    """
)
# First words of names that switch or limit something about a secret.
_OPENERS = word_set(
    """
    allow allowed ask bos can check count delete disable enable enabled eos export force
    generate has hide ignore is list max min n next no num number only pad print prompt read
    remove require reset reveal rotate sep show skip starting stop support unk use validate
    verify with without
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
    if (last in _DESCRIPTORS and words[-2:] != ["secret", "id"]) or joined.endswith(_NO_SECRETS):
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
    rb"(?:~|\.{0,2})/(?:[^/]+/|[^/]*\.[A-Za-z]|[\w.\-]*$)"
    rb"|[\w.\-]+\.(?:pem|key|crt|json|ya?ml)$"
)
# A path that begins with a directory of every machine, where a token is possible.
_SYSTEM_PATH = re.compile(
    rb"/(?:data|dev|etc|home|mnt|opt|proc|root|run|secrets|srv|tmp|usr|var|vault)/[\w./@\-]+"
)
# How a login is done, where the name could as well hold the secret: `--auth jwt`.
_METHODS = frozenset(
    word.encode()
    for word in word_set(
        """
        anonymous api-key api_key apikey approle auto aws azure basic bcrypt bearer cert
        certificate cookie cram-md5 crammd5 default default-auth digest digest-md5 disabled
        enabled external file form gitea github gitlab google gss gssapi guess hmac htpasswd
        http iam internal jwt kerberos key krb5 kubernetes ldap local login main md5 mtls
        negotiate ntlm oauth oauth2 oidc openid optional pam password passwordless pbkdf2 peer
        plain plaintext publickey required saml sasl scram scrypt secret session simple spnego
        ssl sspi static system tls token trust userpass x509 xoauth2
        """
    )
)
_DIGEST_NAME = re.compile(
    rb"(?:sha|scram-sha|blake|md|rmd|whirlpool|aes|hmac|argon)-?[0-9][\w\-]{0,12}", re.IGNORECASE
)
# Where a secret is kept: a variable, a command, a file, a store.
_REFERENCE = re.compile(
    rb"""\$\w+(?:[;|&)\s]|$) | \$\{[^{}]*\}(?:[;|&)\s]|$) | \$env:\w | \$\( | `
    | %\w+%$ | \{\{.*\}\}$ | <[^<>]*>$ | (?:id|src|source|type)=\w | \[[A-Z]+\]$
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
    if (
        _REFERENCE.match(value)
        or _SYSTEM_PATH.fullmatch(value)
        or (name in ("pass", "passin", "passout") and value == b"stdin")
    ):
        return False
    last = _WORD.findall(name)[-1].lower()
    if kind is Secrecy.LIKELY or last.endswith(("token", "auth", "jwt", "hash")):
        lower = value.lower()
        if lower in _METHODS or _DIGEST_NAME.fullmatch(value) or _SHORT_COUNT.fullmatch(value):
            return False
    if kind is Secrecy.LIKELY:
        return not (value.isdigit() or _PATH.match(value))
    return not (last.endswith("pass") and value in _PHASES)
