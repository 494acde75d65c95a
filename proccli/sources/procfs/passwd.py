"""A passwd file as the agent reads it."""

from __future__ import annotations

import re
from collections.abc import Mapping

MAX_PASSWD_BYTES = 16 << 20

# Rust's u32 parser: an optional plus sign, then ASCII digits; no blanks.
_U32 = re.compile(r"\+?[0-9]{1,4096}")


def parse_passwd(content: bytes) -> Mapping[int, str] | None:
    """Names by uid; None where the agent reads nothing, because the file isn't UTF-8.

    Lines with fewer than three fields or without a 32-bit uid are passed over, and the first
    entry with a uid counts; no other field is looked at (agent crates/public/src/pwd.rs).
    """
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    names: dict[int, str] = {}
    for line in text.split("\n"):
        fields = line.removesuffix("\r").split(":", 3)
        if len(fields) >= 3 and _U32.fullmatch(fields[2]) and (uid := int(fields[2])) < 1 << 32:
            names.setdefault(uid, fields[0])
    return names
