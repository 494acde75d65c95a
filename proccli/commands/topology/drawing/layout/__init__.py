"""A layered drawing of a directed graph: sources at the left, their targets at the right.

Four steps, each a module: assign boxes to layers, ignoring wires that close cycles (layering);
order each layer so that few lines cross (ordering); place the boxes (placing); route the wires
(layout). Boxes are known only by number and size.

After Sugiyama, Tagawa and Toda, "Methods for Visual Understanding of Hierarchical System
Structures" (1981).
"""

from proccli.commands.topology.drawing.layout.boxes import Box, Spacing, Wire
from proccli.commands.topology.drawing.layout.layout import Frame, Layout, Spot, laid_out, outwards

__all__ = ["Box", "Frame", "Layout", "Spacing", "Spot", "Wire", "laid_out", "outwards"]
