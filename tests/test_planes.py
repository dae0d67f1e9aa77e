"""Depthwise layers plane by plane: shapes whose code differs, on the cores whose code differs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

import batch
import emulated
import minimal
import native
from batch import Options
from convgen.model.geometry import Geometry
from convgen.model.ops.conv2d import Conv2d
from convgen.plans import registry
from convgen.plans.conv.direct_planes import VARIANTS
from convgen.plans.conv.inside import rows_inside
from convgen.plans.conv.planes import Axis, LineOutput, Route, axes, kinds_of, walk_along
from convgen.plans.conv.planes_dsp import Pixels, PixelStep, Plane, RowGroup
from convgen.plans.conv.planes_layout import kept_in_vain, order_of
from convgen.plans.conv.thumb import Distance
from convgen.plans.order import StoreOrder, last_reads
from convgen.schedule.overlap import distances, share
from convgen.targets import target
from native import Job
from random_layers import Kind, geometries, inputs_for

pytestmark = pytest.mark.emulator

BORDERS = geometries(Kind("int8", shape="planes", grouping="channels"))
KEPT = BORDERS.filter(lambda geometry: kept_in_vain(geometry) is None)


def depthwise(height: int, width: int, channels: int, **more: Any) -> Conv2d:
    fields = minimal.made_up(
        input={"shape": [height, width, channels], "dtype": "int8", "zero_point": -128},
        out_channels=channels,
        groups=channels,
        **{"activation": "relu", **more},
    )
    return minimal.load(fields)


LAYERS = {
    "a loop along rows": depthwise(4, 19, 3),
    "a loop along rows with a stride": depthwise(9, 23, 2, stride=2),
    "a step too long for a load": depthwise(3, 5, 130),
    "outputs far apart": depthwise(3, 4, 257),
    "rows far apart": depthwise(4, 10, 500),
    "rows far apart with a stride": depthwise(5, 33, 300, stride=2),
    "offsets beyond 16 bits": depthwise(3, 9, 4000, stride=[1, 2]),
    "two saturations": depthwise(6, 7, 3, activation={"min": -100, "max": 90}),
    "halves away from zero": depthwise(6, 7, 3, activation="none", stride=[2, 1]),
    "one pixel": depthwise(1, 1, 3),
    "one column": depthwise(7, 1, 3),
    "two columns": depthwise(13, 2, 3),
    "no padding below": depthwise(5, 8, 3, padding=[1, 1, 0, 1]),
    "no padding beside": depthwise(5, 8, 3, padding=[1, 0, 1, 0]),
    "one row": depthwise(1, 8, 3, stride=2),
}


@pytest.mark.parametrize("overlapping", [False, True])
@pytest.mark.parametrize("board", ["cortex-m3", "cortex-m4", "cortex-m33"])
def test_every_form_of_code_is_right_under_qemu(
    board: str, overlapping: bool, tmp_path: Path
) -> None:
    bench = emulated.bench(board)
    names = {variant.name for variant in VARIANTS}
    jobs = [
        Job(variants, bench.target, inputs_for(layer))
        for number, layer in enumerate(LAYERS.values())
        for each in [replace(layer, name=f"layer{number}")]
        if (variants := native.variants(each, bench.target, names, overlapping=overlapping))
    ]
    built = batch.build(tmp_path, jobs, bench, Options())
    batch.execute(built)
    bounds = batch.stack_bounds(built)
    emulated.check_jobs(jobs, batch.outputs(built, bounds))
    assert max(bounds.values()) <= 200


@pytest.mark.parametrize("board", ["cortex-m0", "cortex-m4", "rv32imc"])
def test_a_pool_is_little_more_than_the_input(board: str) -> None:
    described = target.load(board)
    usual, in_place = VARIANTS
    layers = {
        depthwise(25, 5, 64): 6 * 64,
        depthwise(48, 48, 8): 49 * 8,
        depthwise(48, 48, 16, stride=2): 23 * 16,
    }
    for layer, more in layers.items():
        able = registry.able(layer, described, {usual.name, in_place.name})
        assert share(able[usual.name])[1].bytes <= layer.input_bytes + more
        if in_place.name in able:
            assert share(able[in_place.name])[1].bytes == layer.input_bytes


@given(BORDERS)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_runs_tell_which_taps_are_inside(geometry: Geometry) -> None:
    rows, _ = axes(geometry)
    counted = [0, 0, 0]
    for run in rows.runs:
        for tap in run.taps:
            counted[tap] += run.count
    assert counted == rows_inside(geometry).tolist()


@given(BORDERS)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_the_window_holds_the_slices_that_an_output_multiplies(geometry: Geometry) -> None:
    for route in routes(geometry):
        window: dict[str, int] = {}
        outputs = outputs_along(route)
        assert len(outputs) == route.along.outputs
        next_slice = 0
        for index, output in enumerate(outputs):
            for letter in output.loads:
                window[letter] = next_slice
                next_slice += 1
            for slice_ in output.slices:
                assert window[slice_.letter] == route.along.origin(index) + slice_.tap
        assert next_slice <= route.along.size


def routes(g: Geometry) -> tuple[Route, Route]:
    """Return both ways through a plane."""
    rows, cols = axes(g)
    return Route(down=False, across=rows, along=cols), Route(down=True, across=cols, along=rows)


def outputs_along(route: Route) -> list[LineOutput]:
    """Return the outputs of a line, those of the loop as often as it turns."""
    walk = walk_along(route)
    return [*walk.head, *(walk.loop * walk.count), *walk.tail]


@dataclass(frozen=True, kw_only=True)
class Moment:
    """Pixels of a plane, ``row * width + column``, that are read where they are; then stored."""

    read: list[int]
    stored: list[int]


@given(BORDERS)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_the_assembly_keeps_its_order(geometry: Geometry) -> None:
    route, _ = routes(geometry)
    order = order_of(geometry, route, for_dsp=True, keeps=False)
    check_order(geometry, order, list(assembly(geometry, keeps=False)))


@given(KEPT)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_the_assembly_in_place_keeps_its_order(geometry: Geometry) -> None:
    route, _ = routes(geometry)
    order = order_of(geometry, route, for_dsp=True, keeps=True)
    assert distances(geometry, order)[0] == 0
    check_order(geometry, order, list(assembly(geometry, keeps=True)))


@given(BORDERS)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_plain_c_keeps_its_order(geometry: Geometry) -> None:
    for route in routes(geometry):
        order = order_of(geometry, route, for_dsp=False, keeps=False)
        check_order(geometry, order, list(plain(route, keeps=False)))


@given(KEPT)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_plain_c_in_place_keeps_its_order(geometry: Geometry) -> None:
    route, _ = routes(geometry)
    order = order_of(geometry, route, for_dsp=False, keeps=True)
    assert distances(geometry, order)[0] == 0
    check_order(geometry, order, list(plain(route, keeps=True)))


@given(BORDERS)
@settings(max_examples=400, deadline=None, derandomize=True)
def test_plain_c_fits_into_the_pool_of_the_assembly(geometry: Geometry) -> None:
    route, _ = routes(geometry)
    for keeps in (False, True) if kept_in_vain(geometry) is None else (False,):
        order = order_of(geometry, route, for_dsp=True, keeps=keeps)
        check_pool(geometry, order, list(plain(route, keeps=keeps)))


def check_order(g: Geometry, order: StoreOrder, moments: list[Moment]) -> None:
    """Check that each output is stored once, block after block, and no pixel read too late.

    What is read before the first output of a block belongs to it.
    """
    assert {place for moment in moments for place in moment.read} <= set(range(g.in_h * g.in_w))
    places = [place for moment in moments for place in moment.stored]
    assert sorted(places) == list(range(g.out_pixels))
    stored, last = order.stored.reshape(-1), last_reads(g, order).reshape(-1)
    blocks = [int(stored[place]) for place in places]
    assert blocks == sorted(blocks)
    block = order.blocks - 1
    for moment in reversed(moments):
        block = min([block, *(int(stored[place]) for place in moment.stored)])
        assert all(block <= last[place] for place in moment.read)
    check_pool(g, order, moments)


def check_pool(g: Geometry, order: StoreOrder, moments: list[Moment]) -> None:
    """Check that no pixel is read on which an output lies, as close as the planner puts them."""
    above, below = (distance // g.in_c for distance in distances(g, order))
    for shift in (above, -below):  # of the input, from the start of the output
        overwritten: set[int] = set()
        for moment in moments:
            assert not overwritten & {place + shift for place in moment.read}
            overwritten |= set(moment.stored)


def plain(route: Route, *, keeps: bool) -> Iterator[Moment]:
    """Yield what plain C does with a plane, from output to output."""
    _, width = route.as_rows(route.across.size, route.along.size)
    _, out_width = route.as_rows(route.across.outputs, route.along.outputs)
    line: dict[int, int] = {}
    for kind in kinds_of(route, 0, keeps=keeps):
        for number in range(kind.run.count):
            first, along = kind.first + number * route.across.stride, 0
            for index, output in enumerate(outputs_along(route)):
                read = []
                for _ in output.loads:
                    for pixel in kind.pixels:
                        if pixel.lines is None:
                            assert line[along] == first - 1
                        else:
                            row, col = route.as_rows(first + pixel.lines, along)
                            read.append(row * width + col)
                        if pixel.keeps:
                            line[along] = first
                    along += 1
                row, col = route.as_rows(kind.run.start + number, index)
                yield Moment(read=read, stored=[row * out_width + col])


def assembly(g: Geometry, *, keeps: bool) -> Iterator[Moment]:
    """Yield what the assembly does with a plane, from step to step."""
    rows, cols = axes(g)
    plane = Plane(rows=rows, cols=cols, pitch=g.in_c, first_start=0, keeps=keeps)
    words: dict[int, list[int]] = {}
    place, out = 0, 0
    for part in plane.walk():
        end = place + part.walked.bytes
        for turn in range(part.count):
            at_word = 0
            for step in steps_of(part):
                read, stored = [], []
                for pixels in step.rows:
                    pair = [place + distance.bytes for distance in distances_of(pixels)]
                    if pixels.is_kept:
                        assert words[at_word] == pair
                    else:
                        read += pair
                    if pixels.keeps:
                        words[at_word] = pair
                    if pixels.is_kept or pixels.keeps:
                        at_word += pixels.word.bytes
                    place += pixels.step.bytes if pixels.step else 0
                for store in step.stores:
                    stored.append(out + store.to.bytes)
                    out += store.step.bytes if store.step else 0
                assert all(address % g.in_c == 0 for address in (*read, *stored))
                yield Moment(
                    read=[address // g.in_c for address in read],
                    stored=[address // g.in_c for address in stored],
                )
            assert at_word == (4 * plane.words if keeps else 0)
            place += part.next_input.bytes
            out += part.next_output.bytes
            assert part.count == 1 or (place == end) == (turn == part.count - 1)


def distances_of(pixels: Pixels) -> list[Distance]:
    """Return where they are, from where the pointer is."""
    return [pixels.first, pixels.second] if pixels.second else [pixels.first]


def steps_of(part: RowGroup) -> Iterator[PixelStep]:
    """Yield the steps along a row, those of the loop as often as it turns."""
    yield from part.head
    moved = sum(row.step.bytes for step in part.loop for row in step.rows if row.step)
    for _ in range(part.looped.bytes // moved if part.loop else 0):
        yield from part.loop
    yield from part.tail


@pytest.mark.parametrize(("pad", "size"), list(product((0, 1), range(1, 9))))
@pytest.mark.parametrize("stride", [1, 2])
def test_an_axis_fits_if_each_middle_tap_is_inside(pad: int, size: int, stride: int) -> None:
    for behind in (0, 1):
        outputs = (size + pad + behind - 3) // stride + 1
        if outputs > 0:
            assert Axis(outputs=outputs, stride=stride, pad=pad, size=size).fits
    assert not Axis(outputs=size + 2, stride=1, pad=2, size=size).fits
