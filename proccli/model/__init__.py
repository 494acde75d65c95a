"""Values: what a source reads, what a configuration contains, and what the agent decides.

No behaviour. `None` means "not known", and each field says when. Import from the modules.
"""
