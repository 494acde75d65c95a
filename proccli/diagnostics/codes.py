"""Every diagnostic code with its severity.

Error: the configuration, or a rule, has no effect. Warning: it probably has another effect than
intended. Info: it may be intended, but is worth a review.
"""

from __future__ import annotations

from proccli.model.codes import DIAGNOSTICS

CODES = DIAGNOSTICS
"""In the order of the pages."""
