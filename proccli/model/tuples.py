"""Named tuples that are made by the thousand."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar, cast

_Made = TypeVar("_Made")


def from_fields(kind: type[_Made]) -> Callable[[tuple[object, ...]], _Made]:
    """A constructor of this class, a `NamedTuple`, from all its fields in order.

    It takes half of the time of the class's own, and checks nothing.
    """
    return cast("Callable[[tuple[object, ...]], _Made]", partial(tuple.__new__, kind))
