"""Every diagnostic code with its severity.

Error: the configuration, or a rule, has no effect. Warning: it probably has another effect than
intended. Info: it may be intended, but is worth a review.
"""

from __future__ import annotations

from proccli.model.config import Severity

CODES: Final[Mapping[str, Severity]] = {
    # The text, and how the server and the agent read it.
    "unreadable": "error",
    "yaml-syntax": "error",
    "config-rejected": "error",
    "other-dialect": "error",
    "no-static-config": "warning",
    "text-after-nul": "warning",
    "unknown-key": "warning",
    "newer-key": "warning",
    "server-changes-value": "warning",
    "null-is-text": "warning",
    # Rules that the agent ignores because they are invalid.
    "regex-syntax": "error",
    "regex-size": "error",
    "match-type": "error",
    "action": "error",
    "regex-older-agents": "info",
    # What a pattern matches.
    "empty-rule": "warning",
    "empty-regex": "warning",
    "never-matches": "error",
    "needs-line-break": "warning",
    "needs-space": "warning",
    "script-name": "warning",
    "title-changer": "warning",
    "login-shell": "warning",
    # The name that rewrite-name produces.
    "rewrite-group": "error",
    "rewrite-literal": "warning",
    "rewrite-percent": "warning",
    "rewrite-env": "info",
    "rewrite-env-unset": "warning",
    "rewrite-keeps-text": "warning",
    "rewrite-empty": "warning",
    "rewrite-many-names": "info",
    "rewrite-ignored": "warning",
    "rewrite-missing": "info",
    # Which rules a process can reach.
    "rule-unreachable": "error",
    "rule-duplicate": "error",
    "early-catch-all": "error",
    "rule-partly-shadowed": "info",
    "rule-undecided": "info",
    "rule-not-observed": "info",
    "no-rules": "info",
    "no-final-drop": "info",
    # Settings besides the rules.
    "sync-off": "warning",
    "tagged-only-untagged": "error",
    "tag-rule-untagged": "warning",
    "tag-exec-no-user": "error",
    "tag-exec-shell": "warning",
    "tag-exec-relative": "warning",
    "tag-exec-root": "warning",
    "tag-exec-no-timeout": "info",
    "tag-exec-missing": "info",
    "tag-user-missing": "info",
    "min-lifetime": "warning",
    "socket-interval": "warning",
}
"""In the order of the pages."""
