"""A layered drawing of a directed graph: sources at the left, what they lead to at the right.

Four steps, each a module: cycles are broken and every box gets a layer; each layer an order in
which few lines cross; each box a place; each wire a route. Knows boxes by number and size alone.

After Sugiyama, Tagawa and Toda, "Methods for Visual Understanding of Hierarchical System
Structures" (1981).
"""

from proccli.commands.topology.drawing.layout.boxes import Box, Spacing, Wire
from proccli.commands.topology.drawing.layout.layout import Frame, Layout, Spot, laid_out, outwards

__all__ = ["Box", "Frame", "Layout", "Spacing", "Spot", "Wire", "laid_out", "outwards"]
