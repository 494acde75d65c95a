"""The vocabulary: what a source reads, what a configuration says, what the agent makes of it.

Nothing here does anything. `None` means "not known", and the field says when.
"""
