"""JSON objects read with their types and bounds checked, and every key accounted for."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import get_args, overload

from proccli.errors import Location, RecordingError
from proccli.model.process import FieldError, Problem

_MISSING = object()
_PROBLEMS: Mapping[str, Problem] = {problem: problem for problem in get_args(Problem)}


class Checked:
    """One JSON object of a recording. What is not as described raises RecordingError."""

    def __init__(self, value: object, at: Location, what: str) -> None:
        self.at = at
        self.what = what
        if not isinstance(value, dict):
            raise self.wrong("not a JSON object")
        self._values: dict[str, object] = dict(value)

    def wrong(self, problem: str) -> RecordingError:
        """The error for something wrong with this object."""
        return RecordingError(f"{self.what}: {problem}", self.at)

    def _take(self, name: str) -> object:
        value = self._values.pop(name, _MISSING)
        if value is _MISSING:
            raise self.wrong(f"no {name}")
        return value

    @overload
    def integer(self, name: str, *, low: int = 0, high: int) -> int: ...
    @overload
    def integer(self, name: str, *, low: int = 0, high: int, or_null: bool) -> int | None: ...
    def integer(self, name: str, *, low: int = 0, high: int, or_null: bool = False) -> int | None:
        """A whole number from `low` to `high`."""
        value = self._take(name)
        if value is None and or_null:
            return None
        if type(value) is not int:
            raise self.wrong(f"{name} is not a whole number")
        if not low <= value <= high:
            raise self.wrong(f"{name} is not between {low} and {high}")
        return value

    @overload
    def text(self, name: str) -> str: ...
    @overload
    def text(self, name: str, *, or_null: bool) -> str | None: ...
    def text(self, name: str, *, or_null: bool = False) -> str | None:
        """A string that can be written as UTF-8."""
        value = self._take(name)
        if value is None and or_null:
            return None
        return self.as_text(value, name)

    def as_text(self, value: object, name: str) -> str:
        """The same for a value that is already in hand."""
        if not isinstance(value, str):
            raise self.wrong(f"{name} is not a string")
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise self.wrong(f"{name} holds half a surrogate pair") from error
        return value

    def as_ipv4(self, value: object, name: str) -> str:
        """An IPv4 address with its dots."""
        from ipaddress import IPv4Address

        text = self.as_text(value, name)
        try:
            return str(IPv4Address(text))
        except ValueError as error:
            raise self.wrong(f"{name} is no IPv4 address") from error

    def ipv4(self, name: str) -> str:
        """The same of a key."""
        return self.as_ipv4(self._take(name), name)

    def flag(self, name: str) -> bool:
        """true or false."""
        value = self._take(name)
        if not isinstance(value, bool):
            raise self.wrong(f"{name} is neither true nor false")
        return value

    @overload
    def items(self, name: str) -> Sequence[object]: ...
    @overload
    def items(self, name: str, *, or_null: bool) -> Sequence[object] | None: ...
    def items(self, name: str, *, or_null: bool = False) -> Sequence[object] | None:
        """An array."""
        value = self._take(name)
        if value is None and or_null:
            return None
        if not isinstance(value, list):
            raise self.wrong(f"{name} is not an array")
        return value

    def mapping(self, name: str) -> Mapping[str, object]:
        """An object whose keys are not fixed."""
        value = self._take(name)
        if not isinstance(value, dict):
            raise self.wrong(f"{name} is not an object")
        return value

    def part(self, name: str) -> Checked | None:
        """An object inside this one, or null."""
        value = self._take(name)
        return None if value is None else Checked(value, self.at, name)

    def parts(self, name: str) -> Sequence[Checked]:
        """An array of objects."""
        return self._parts(name, self.items(name))

    def parts_or_null(self, name: str) -> Sequence[Checked] | None:
        """An array of objects, or null."""
        values = self.items(name, or_null=True)
        return None if values is None else self._parts(name, values)

    def _parts(self, name: str, values: Sequence[object]) -> Sequence[Checked]:
        return [Checked(value, self.at, f"{name}[{n}]") for n, value in enumerate(values)]

    def field_error(self, fields: Container[str]) -> FieldError:
        """This object as the error of one of these fields."""
        field = self.text("field")
        problem = _PROBLEMS.get(self.text("problem"))
        if field not in fields or problem is None:
            raise self.wrong("not an error of a field")
        error = FieldError(field=field, problem=problem, detail=self.text("detail"))
        self.done()
        return error

    def done(self) -> None:
        """Raises: RecordingError if a key is left that nobody asked for."""
        if self._values:
            raise self.wrong(f"unknown key {next(iter(self._values))!a}")
