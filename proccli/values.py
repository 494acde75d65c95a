"""Named tuples that are quick to define: a start of proccli defines a hundred classes of them.

`typing.NamedTuple` compiles a constructor for each class, and each annotation that is a string,
which takes 100 to 250 microseconds a class. Here a class takes 11, because its constructor is
compiled when it is first called, and the annotations stay strings: 14 ms less of a `scan`. The
values are the same: tuples of a class with `_fields`, `_make`, `_replace` and `_asdict`.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterable
from operator import itemgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import TypeVar

    _Self = TypeVar("_Self", bound="_Value")

_MOST_FIELDS = 24
_NUMBERED = [f"field_{number}" for number in range(_MOST_FIELDS)]
_ACCESSORS = itemgetter(*_NUMBERED)(vars(namedtuple("_Numbered", _NUMBERED)))
"""What gives a named tuple its first field, its second and so on: in C, twice as fast as any
property."""


class _Value(tuple[Any, ...]):
    """What all named tuples of this module can do."""

    __slots__ = ()
    _fields: tuple[str, ...] = ()
    _field_defaults: dict[str, Any] = {}  # noqa: RUF012 - as in collections

    def __new__(cls: type[_Self], /, *values: Any, **named: Any) -> _Self:
        """The first value of a class: compile the constructor that the class has from now on."""
        fields = ", ".join(cls._fields)
        new = eval(  # noqa: S307 - names of fields, which are in the source of this program
            f"lambda _cls, {fields}: new(_cls, ({fields},))", {"new": tuple.__new__}
        )
        new.__name__ = "__new__"
        new.__defaults__ = tuple(cls._field_defaults.values())
        cls.__new__ = new  # type: ignore[method-assign]
        made: _Self = new(cls, *values, **named)
        return made

    @classmethod
    def _make(cls: type[_Self], values: Iterable[Any]) -> _Self:
        """A value from all its fields in order. Raises: TypeError for too few or too many."""
        made = tuple.__new__(cls, values)
        if len(made) != len(cls._fields):
            raise TypeError(f"{len(made)} values for the {len(cls._fields)} fields of {cls}")
        return made

    def _replace(self: _Self, /, **changes: Any) -> _Self:
        """The value with other fields. Raises: ValueError for what is no field."""
        made = tuple.__new__(type(self), map(changes.pop, self._fields, self))
        if changes:
            raise ValueError(f"no fields of {type(self)}: {', '.join(changes)}")
        return made

    def _asdict(self) -> dict[str, Any]:
        return dict(zip(self._fields, self, strict=True))

    def __getnewargs__(self) -> tuple[Any, ...]:
        """What `pickle` and `copy` call the constructor with."""
        return tuple(self)

    def __repr__(self) -> str:
        fields = (f"{name}={value!r}" for name, value in self._asdict().items())
        return f"{type(self).__name__}({', '.join(fields)})"


class _Definition(type):
    """Makes a class with annotated fields a named tuple.

    The class is an ordinary one, because `isinstance` takes twice as long for others.
    """

    def __new__(cls, name: str, _bases: tuple[type, ...], body: dict[str, Any]) -> Any:
        fields = tuple(body.get("__annotations__", ()))
        if not 0 < len(fields) <= _MOST_FIELDS:
            # With none: the module lacks `from __future__ import annotations`.
            raise TypeError(f"{name} has {len(fields)} fields, not 1 to {_MOST_FIELDS}")
        defaults = {field: body[field] for field in fields if field in body}
        body |= zip(fields, _ACCESSORS, strict=False)
        body |= {
            "__slots__": (),
            "__match_args__": fields,
            "_fields": fields,
            "_field_defaults": defaults,
        }
        return type(name, (_Value,), body)


if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple  # noqa: PLC0414 - exported
else:
    NamedTuple = type.__new__(_Definition, "NamedTuple", (), {})
