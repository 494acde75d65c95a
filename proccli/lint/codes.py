"""Every diagnostic of `proccli check`, with its severity.

An error keeps the configuration, or a rule, from doing anything of what it says. A warning does
something else than it seems to. An info is worth a look.
"""

from __future__ import annotations

from proccli.model.codes import DIAGNOSTICS

CODES = DIAGNOSTICS
"""In the order of the pages."""
