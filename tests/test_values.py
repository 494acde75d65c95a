"""Named tuples of `proccli.values` behave as those of `typing`."""

from __future__ import annotations

import copy
import pickle
import typing
from typing import Any

import pytest

from proccli import values


class Port(values.NamedTuple):
    """A port and its protocol."""

    number: int
    protocol: str = "tcp"
    names: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        return f"{self.number}/{self.protocol}"


class Reference(typing.NamedTuple):
    number: int
    protocol: str = "tcp"
    names: tuple[str, ...] = ()


class Spoken(values.NamedTuple):
    """Has its own text, as `Location` has."""

    text: str

    def __str__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Spoken) and self.text.lower() == other.text.lower()

    def __hash__(self) -> int:
        return hash(self.text.lower())


def outcome_of(make: Any, *arguments: Any, **named: Any) -> object:
    """The fields of what a call returns, or the kind of its error."""
    try:
        return tuple(make(*arguments, **named))
    except (TypeError, ValueError) as error:
        return type(error)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((1,), {}),
        ((1, "udp"), {}),
        ((1, "udp", ("dns",)), {}),
        ((), {"number": 1, "names": ("dns",)}),
        ((1,), {"protocol": "udp"}),
        ((), {}),
        ((), {"protocol": "udp"}),
        ((1, "udp", (), 4), {}),
        ((1,), {"number": 2}),
        ((1,), {"port": 2}),
    ],
)
def test_the_constructor_takes_what_typings_takes(
    arguments: tuple[Any, ...], named: dict[str, Any]
) -> None:
    class Unused(values.NamedTuple):
        number: int
        protocol: str = "tcp"
        names: tuple[str, ...] = ()

    expected = outcome_of(Reference, *arguments, **named)

    assert outcome_of(Unused, *arguments, **named) == expected, "the first use of the class"
    assert outcome_of(Port(0)._replace, **named) == outcome_of(Reference(0)._replace, **named)
    assert outcome_of(Unused, *arguments, **named) == expected, "every other use"


def test_it_is_a_tuple_with_names() -> None:
    port = Port(53, "udp")
    number, protocol, names = port

    assert (number, protocol, names) == (port.number, port.protocol, port.names)
    assert [port] == [(53, "udp", ())]
    assert hash(port) == hash((53, "udp", ()))
    assert repr(port) == repr(Reference(53, "udp")).replace("Reference", "Port")
    assert port._asdict() == {"number": 53, "protocol": "udp", "names": ()}
    assert port._fields == Reference._fields
    assert Port._field_defaults == Reference._field_defaults
    assert port.shown == "53/udp"
    assert Port.__doc__ == "A port and its protocol."


def test_it_has_no_other_fields_and_none_can_be_set() -> None:
    port: Any = Port(53)

    with pytest.raises(AttributeError):
        port.number = 54
    with pytest.raises(AttributeError):
        port.owner = "root"
    assert not hasattr(port, "__dict__")


def test_one_is_made_from_its_fields_in_order() -> None:
    assert Port._make([53, "udp", ()]) == Port(53, "udp")
    assert type(Port._make([53, "udp", ()])) is Port
    assert type(Port(53)._replace(number=54)) is Port
    for wrong in ([], [53, "udp"], [53, "udp", (), 4]):
        with pytest.raises(TypeError):
            Port._make(wrong)


def test_patterns_take_it_apart() -> None:
    value: object = Port(53, "udp")
    taken: object = None
    match value:
        case Spoken():
            pass
        case Port(number, protocol=protocol):
            taken = number, protocol
    assert taken == (53, "udp")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickling_and_copying_give_the_same_value(protocol: int) -> None:
    port = Port(53, names=("dns",))

    for same in (pickle.loads(pickle.dumps(port, protocol)), copy.copy(port), copy.deepcopy(port)):
        assert type(same) is Port
        assert same == port


def test_methods_of_the_class_replace_those_of_tuples() -> None:
    assert str(Spoken("Yes")) == "Yes"
    assert Spoken("Yes") == Spoken("yes")
    assert len({Spoken("Yes"), Spoken("yes")}) == 1
    assert repr(Spoken("Yes")) == "Spoken(text='Yes')"


def test_a_class_has_between_one_and_24_fields() -> None:
    """As many as anyone needs; none are found where annotations are not strings."""

    def body(fields: int) -> dict[str, Any]:
        return {"__annotations__": {f"f{number}": "int" for number in range(fields)}}

    base: Any = values.NamedTuple
    most = type(base)("Most", (base,), body(24))
    made = most(*range(24))
    assert [getattr(made, name) for name in most._fields] == list(range(24))
    for fields in (0, 25):
        with pytest.raises(TypeError, match=f"{fields} fields"):
            type(base)("Wrong", (base,), body(fields))
