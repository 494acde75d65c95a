"""The JSON Schemas that ship with the package."""

from __future__ import annotations

from importlib.resources import files

_FOLDER = files("proccli") / "schemas"


def schema_names() -> tuple[str, ...]:
    """The sorted names of the commands whose JSON documents have a schema."""
    found = (entry.name for entry in _FOLDER.iterdir())
    return tuple(sorted(name.removesuffix(".json") for name in found if name.endswith(".json")))


def schema_text(name: str) -> str:
    """The schema of `proccli/<name>/v1`, as JSON text."""
    return (_FOLDER / f"{name}.json").read_text(encoding="utf-8")
