"""Decides questions about all texts that contain a match of a pattern.

Does one of these patterns match every text that this pattern matches? If not, what is a shortest
text that none of them matches? Do two ordered lists of rules have the same outcome for every text?
The answer is proven, or a text that the matcher verified, or "unknown" if it would take too long to
decide. Texts are those of a `Domain`, such as file names, which contain no `/`.

>>> from proccli.rustregex.automata.shadow import shadowed
>>> shadowed("^nginx$", ["redis", "ngin"])
Shadow(grade='proven', reaches=None, taken='nginx', by=(1,))
"""
