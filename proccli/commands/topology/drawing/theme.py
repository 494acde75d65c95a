"""Light and dark colours of a drawing, and its style sheets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from colorsys import hls_to_rgb
from importlib.resources import files

HUES = (214, 168, 268, 32, 340, 140, 192, 12)
"""Hues of the host colours, in degrees, assigned in turn."""

_LIGHT: Mapping[str, str] = {
    "page": "#ffffff",
    "panel": "#f6f8fb",
    "ink": "#1c2330",
    "dim": "#586274",
    "line": "#8791a3",
    "edge": "#b9c2d0",
    "faint": "#e2e7ee",
    "box": "#ffffff",
    "accent": "#0a5dc2",
    "mark": "#dbe9fb",
}
_DARK: Mapping[str, str] = {
    "page": "#11151c",
    "panel": "#181d26",
    "ink": "#e5e9f1",
    "dim": "#9ba6b8",
    "line": "#6f7b90",
    "edge": "#465164",
    "faint": "#2a3240",
    "box": "#1d2430",
    "accent": "#6fb1ff",
    "mark": "#1f3654",
}
_VARIABLE = re.compile(r"var\(--([a-z0-9-]+)\)")


def _hex(hue: int, lightness: float, saturation: float) -> str:
    parts = hls_to_rgb(hue / 360, lightness, saturation)
    return "#" + "".join(f"{round(part * 255):02x}" for part in parts)


def _with_hosts(
    palette: Mapping[str, str],
    fill: tuple[float, float],
    edge: tuple[float, float],
    title: tuple[float, float],
) -> dict[str, str]:
    result = dict(palette)
    for number, hue in enumerate(HUES):
        result[f"h{number}-fill"] = _hex(hue, *fill)
        result[f"h{number}-edge"] = _hex(hue, *edge)
        result[f"h{number}-title"] = _hex(hue, *title)
    return result


LIGHT = _with_hosts(_LIGHT, fill=(0.965, 0.6), edge=(0.85, 0.42), title=(0.29, 0.55))
DARK = _with_hosts(_DARK, fill=(0.13, 0.2), edge=(0.27, 0.2), title=(0.78, 0.52))


def asset(name: str) -> str:
    """The text of a file that is embedded in a drawing or a page."""
    return (files("proccli.commands.topology.drawing") / "assets" / name).read_text(
        encoding="utf-8"
    )


def drawing_css() -> str:
    """The CSS rules of a drawing, with variables for the colours."""
    hosts = "".join(
        f".drawing .h{number} rect "
        f"{{ fill: var(--h{number}-fill); stroke: var(--h{number}-edge); }}\n"
        f".drawing .h{number} text {{ fill: var(--h{number}-title); }}\n"
        for number in range(len(HUES))
    )
    return asset("drawing.css") + hosts


def concrete(css: str, palette: Mapping[str, str]) -> str:
    """The rules with literal colours: not every SVG viewer supports CSS variables."""
    return _VARIABLE.sub(lambda found: palette[found[1]], css)


def variables(palette: Mapping[str, str]) -> str:
    """The colours as CSS variable declarations."""
    return " ".join(f"--{name}: {value};" for name, value in palette.items())
