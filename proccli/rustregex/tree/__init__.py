"""The resolved tree: nodes, character sets, Unicode tables, simplifying, printing."""
