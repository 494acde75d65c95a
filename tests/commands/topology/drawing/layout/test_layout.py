"""The layout of graphs: nothing overlaps, lines lead to the right, and it is always the same."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.commands.topology.drawing.layout import Box, Layout, Spacing, Wire, laid_out, outwards
from proccli.commands.topology.drawing.layout.layering import acyclic_order, layers
from proccli.commands.topology.drawing.layout.ordering import crossings, inversions, items, ordered
from proccli.commands.topology.drawing.layout.placing import place_in_order

SPACING = Spacing()
GROUPS = st.sampled_from([None, "a", "b", "c"])


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[Box], list[Wire]]:
    """Boxes of all kinds and groups, wires between any two, some from a box to itself."""
    boxes = draw(
        st.lists(
            st.builds(Box, st.integers(20, 300), st.integers(10, 60), GROUPS, GROUPS),
            min_size=1,
            max_size=24,
        )
    )
    ends = st.integers(0, len(boxes) - 1)
    wires = draw(st.lists(st.builds(Wire, ends, ends, st.integers(1, 9)), max_size=50))
    return boxes, wires


def chain(*names: str) -> tuple[list[Box], list[Wire]]:
    """Boxes without a group, each leading to the next."""
    boxes = [Box(100, 40) for _ in names]
    return boxes, [Wire(at, at + 1) for at in range(len(names) - 1)]


@given(graphs())
def test_a_row_has_everything_once(graph: tuple[list[Box], list[Wire]]) -> None:
    boxes, wires = graph

    assert sorted(acyclic_order(len(boxes), wires)) == list(range(len(boxes)))


@given(graphs())
def test_without_cycles_nothing_leads_back(graph: tuple[list[Box], list[Wire]]) -> None:
    boxes, wires = graph
    forward = [Wire(min(wire[:2]), max(wire[:2])) for wire in wires if wire[0] != wire[1]]

    place = {box: at for at, box in enumerate(acyclic_order(len(boxes), forward))}

    assert all(place[wire.source] < place[wire.target] for wire in forward)


def test_of_a_cycle_the_lightest_wire_leads_back() -> None:
    wires = [Wire(0, 1, 9), Wire(1, 2, 9), Wire(2, 3, 9), Wire(3, 0, 1)]

    assert acyclic_order(4, wires) == [0, 1, 2, 3]


def test_wires_lead_to_higher_layers() -> None:
    boxes = [Box(100, 40)] * 6
    wires = [Wire(0, 1), Wire(1, 2), Wire(0, 3), Wire(3, 2), Wire(2, 4), Wire(0, 4)]

    layer = layers(boxes, wires)

    assert all(layer[wire.source] < layer[wire.target] for wire in wires)
    assert layer == [0, 1, 2, 1, 3, 0]


def test_what_only_leads_on_stands_right_before_its_goal() -> None:
    """A client of the last in a chain is not at the other end of the drawing."""
    boxes, wires = chain("web", "shop", "db")

    assert layers([*boxes, Box(100, 40)], [*wires, Wire(3, 2)]) == [0, 1, 2, 1]


def test_boxes_of_one_kind_share_a_layer() -> None:
    """Two gateways, one of which also calls the other's service through a longer way."""
    boxes = [Box(100, 40, None, kind) for kind in ("web", "web", "shop", "shop", "db")]
    wires = [Wire(0, 2), Wire(1, 3), Wire(2, 4), Wire(3, 4), Wire(2, 3)]

    assert layers(boxes, wires) == [0, 0, 1, 1, 2]


def test_kinds_that_call_only_themselves_say_nothing() -> None:
    """On a host where everything is called java, java is no layer."""
    boxes = [Box(100, 40, None, "java")] * 3

    assert layers(boxes, [Wire(0, 1), Wire(1, 2)]) == [0, 1, 2]


def test_a_layer_with_too_many_boxes_becomes_several() -> None:
    boxes = [Box(100, 40)] * 61
    layer = layers(boxes, [Wire(at, 60) for at in range(60)])

    held = [layer.count(number) for number in range(max(layer) + 1)]

    assert held == [15, 15, 15, 15, 1]
    assert layer[60] == 4


def test_a_long_chain_is_pushed_together() -> None:
    boxes, wires = chain(*"abcdefghijklmnopqrstuvwxyz")

    layer = layers(boxes, wires)

    assert max(layer) == 7
    assert all(one <= other for one, other in pairwise(layer))


@given(st.lists(st.integers(0, 30), max_size=40))
def test_inversions_are_counted(numbers: list[int]) -> None:
    assert inversions(numbers) == sum(a > b for a, b in combinations(numbers, 2))


@given(graphs())
def test_an_order_has_everything_once_and_groups_together(
    graph: tuple[list[Box], list[Wire]],
) -> None:
    boxes, wires = graph
    given_items = items(boxes, wires, layers(boxes, wires))

    rows = ordered(given_items)

    assert sorted(item for row in rows for item in row) == list(range(len(given_items.layer)))
    for number, row in enumerate(rows):
        assert all(given_items.layer[item] == number for item in row)
        groups = [given_items.group[item] for item in row]
        ends = [one for one, other in pairwise([*groups, None]) if one != other and one is not None]
        assert sorted(ends) == sorted({group for group in groups if group is not None})


@given(graphs())
def test_crossings_are_counted(graph: tuple[list[Box], list[Wire]]) -> None:
    boxes, wires = graph
    given_items = items(boxes, wires, layers(boxes, wires))
    rows = ordered(given_items)
    place = {item: at for row in rows for at, item in enumerate(row)}
    lines = [
        [(place[one], place[other]) for one in row for other in given_items.right[one]]
        for row in rows
    ]

    expected = sum(
        (a[0] - b[0]) * (a[1] - b[1]) < 0 for layer in lines for a, b in combinations(layer, 2)
    )

    assert crossings(rows, given_items) == expected


def test_a_ladder_has_no_crossing() -> None:
    """Each of the left to one of the right, given in the opposite order."""
    boxes = [Box(100, 40)] * 12
    wires = [Wire(at, 11 - at) for at in range(6)]
    given_items = items(boxes, wires, layers(boxes, wires))

    assert crossings(ordered(given_items), given_items) == 0


@given(
    st.lists(
        st.tuples(st.floats(-500, 500), st.floats(0.5, 9), st.floats(0, 60)),
        min_size=1,
        max_size=20,
    )
)
def test_places_keep_their_distance(given_places: list[tuple[float, float, float]]) -> None:
    wanted, weights, gaps = (list(column) for column in zip(*given_places, strict=True))

    places = place_in_order(wanted, weights, gaps[1:])

    for (one, other), gap in zip(pairwise(places), gaps[1:], strict=True):
        assert other - one >= gap - 1e-6
    mean = sum(w * (p - x) for w, p, x in zip(weights, places, wanted, strict=True))
    assert mean == pytest.approx(0, abs=1e-3), "the whole is not shifted to one side"


def test_places_that_are_far_enough_apart_are_as_wanted() -> None:
    assert place_in_order([0.0, 50.0, 200.0], [1.0, 1.0, 1.0], [40.0, 40.0]) == [0.0, 50.0, 200.0]


def test_what_is_bound_keeps_together_and_goes_where_its_mean_wants() -> None:
    places = place_in_order([0.0, 100.0, 300.0], [1.0, 3.0, 1.0], [40.0, 40.0], [True, False])

    assert places == [45.0, 85.0, 300.0]


def test_what_is_bound_is_not_held_back_by_what_stands_above() -> None:
    """The second would be pushed up against the first, were it not bound to the third."""
    places = place_in_order([0.0, 10.0, 200.0], [1.0, 1.0, 1.0], [40.0, 40.0], [False, True])

    assert places == [0.0, 85.0, 125.0]


def rectangles(layout: Layout) -> list[tuple[float, float, float, float]]:
    return [(s.x, s.y, s.x + s.width, s.y + s.height) for s in layout.spots]


def apart(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


@given(graphs())
def test_no_two_things_overlap(graph: tuple[list[Box], list[Wire]]) -> None:
    boxes, wires = graph
    layout = laid_out(boxes, wires, SPACING)

    assert all(apart(one, other) for one, other in combinations(rectangles(layout), 2))
    frames = [(f.x, f.y, f.x + f.width, f.y + f.height) for f in layout.frames]
    assert all(apart(one, other) for one, other in combinations(frames, 2))
    for box, spot in zip(boxes, rectangles(layout), strict=True):
        inside = [
            frame
            for frame, name in zip(frames, (f.group for f in layout.frames), strict=True)
            if not apart(frame, spot) and name == box.group
        ]
        others = [frame for frame in frames if not apart(frame, spot)]
        assert others == inside
        assert len(inside) == (box.group is not None)


@given(graphs())
def test_frames_have_no_gaps(graph: tuple[list[Box], list[Wire]]) -> None:
    boxes, wires = graph
    layout = laid_out(boxes, wires, SPACING)

    for frame in layout.frames:
        inside = [
            spot
            for spot, box in zip(layout.spots, boxes, strict=True)
            if box.group == frame.group
            and spot.x == pytest.approx(frame.x + SPACING.frame, abs=0.2)
        ]
        used = sum(spot.height for spot in inside) + SPACING.box * (len(inside) - 1)
        assert frame.height == pytest.approx(SPACING.header + used + SPACING.frame, abs=0.5)


@given(graphs())
def test_everything_is_inside(graph: tuple[list[Box], list[Wire]]) -> None:
    layout = laid_out(*graph, SPACING)

    for left, top, right, bottom in rectangles(layout):
        assert 0 <= left <= right <= layout.width
        assert 0 <= top <= bottom <= layout.height
    for frame in layout.frames:
        assert frame.x >= 0
        assert frame.y >= -0.1
        assert frame.x + frame.width <= layout.width + 0.1
        assert frame.y + frame.height <= layout.height + 0.1


@given(graphs())
def test_routes_lead_from_box_to_box_and_through_none(
    graph: tuple[list[Box], list[Wire]],
) -> None:
    boxes, wires = graph
    layout = laid_out(boxes, wires, SPACING)
    spots = layout.spots
    for wire, route in zip(wires, layout.routes, strict=True):
        for end, of_box in ((route[0], spots[wire.source]), (route[-1], spots[wire.target])):
            assert end.x in (of_box.x, pytest.approx(of_box.x + of_box.width, abs=0.11))
            assert abs(end.y - of_box.middle) <= 15
        for start, stop in zip(route[1:-1:2], route[2::2], strict=True):
            assert start.y == stop.y, "level where it passes through a layer"
            for spot in spots:
                between = min(start.x, stop.x) < spot.x + spot.width and spot.x < max(
                    start.x, stop.x
                )
                assert not between or not spot.y < start.y < spot.y + spot.height


@given(graphs())
def test_the_same_graph_is_always_drawn_the_same(graph: tuple[list[Box], list[Wire]]) -> None:
    assert laid_out(*graph, SPACING) == laid_out(*graph, SPACING)


def test_lines_to_one_box_share_their_way() -> None:
    """Three clients in the first layer, whose server stands three layers further."""
    boxes, wires = chain("web", "shop", "jobs", "db")
    boxes += [Box(100, 40)] * 2
    wires += [Wire(4, 1), Wire(5, 1), *(Wire(at, 3) for at in (0, 4, 5))]

    routes = laid_out(boxes, wires, SPACING).routes[-3:]

    assert len({route[3:] for route in routes}) == 1


def test_lines_within_a_layer_bend_inside_of_the_drawing() -> None:
    """Eight of one kind, of which the first calls the last, and its label."""
    boxes = [Box(100, 40, None, "java")] * 8 + [Box(100, 40)] * 8
    wires = [Wire(0, 7), *(Wire(8 + at, at) for at in range(8))]

    layout = laid_out(boxes, wires, SPACING, [90.0] * len(wires))

    start, end = layout.routes[0]
    assert start.x == end.x
    assert start.x + 0.75 * outwards(start, end) + 45 == pytest.approx(layout.width, abs=0.1)


def test_nothing_is_laid_out() -> None:
    layout = laid_out([], [], SPACING)

    assert (layout.spots, layout.width, layout.height) == ((), 0.0, 0.0)
