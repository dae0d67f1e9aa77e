"""Depthwise layers plane by plane: shapes whose code differs, on the cores whose code differs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings

import emulated
import minimal
from convgen import target
from convgen.algorithms.direct_planes import DirectPlanes
from convgen.algorithms.inside import rows_inside
from convgen.algorithms.planes import Axis, axes, walk_down
from convgen.algorithms.planes_dsp import Plane, Rows, Step
from convgen.layer import Geometry, Layer
from convgen.select import Candidate
from random_layers import Kind, geometries, inputs_for

ALGORITHM = DirectPlanes()
BORDERS = geometries(Kind("int8", shape="planes", grouping="channels"))


def depthwise(height: int, width: int, channels: int, **more: Any) -> Layer:
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
    "one row": depthwise(1, 8, 3, stride=2),
}


@pytest.mark.parametrize("board", ["cortex-m3", "cortex-m4", "cortex-m33"])
@pytest.mark.parametrize("name", LAYERS)
def test_every_form_of_code_is_right_under_qemu(name: str, board: str) -> None:
    layer, described = LAYERS[name], target.load(board)
    inputs = inputs_for(layer)
    assert ALGORITHM.reject(layer, described) is None
    plan = ALGORITHM.plan(layer, described)
    candidate = Candidate(plan=plan, pool=None, stack=0, code=0, instructions=10**8)
    outputs, trial = emulated.run(candidate, board, inputs)
    assert trial.stack is not None
    assert trial.stack_bound is not None
    assert trial.stack <= trial.stack_bound <= 200
    emulated.check(layer, inputs, outputs, name)


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
def test_the_window_holds_the_rows_that_an_output_multiplies(geometry: Geometry) -> None:
    rows, _ = axes(geometry)
    walk = walk_down(rows)
    window: dict[str, int] = {}
    outputs = [*walk.head, *(walk.loop * walk.count), *walk.tail]
    assert len(outputs) == geometry.out_h
    next_row = 0
    for index, output in enumerate(outputs):
        for letter in output.loads:
            window[letter] = next_row
            next_row += 1
        for row in output.rows:
            assert window[row.letter] == rows.origin(index) + row.kernel_row
    assert next_row <= geometry.in_h


@given(BORDERS)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_assembly_reads_only_pixels_of_its_plane_and_stores_each_output_once(
    geometry: Geometry,
) -> None:
    g = geometry
    rows, cols = axes(g)
    plane = Plane(rows=rows, cols=cols, pitch=g.in_c, first_start=0)
    read: set[int] = set()
    stored: list[int] = []
    place, out = 0, 0
    for part in plane.walk():
        end = place + part.walked.bytes
        for turn in range(part.count):
            for step in steps_of(part):
                for pixels in step.rows:
                    both = filter(None, (pixels.first, pixels.second))
                    read |= {place + distance.bytes for distance in both}
                    place += pixels.step.bytes if pixels.step else 0
                for store in step.stores:
                    stored.append(out + store.to.bytes)
                    out += store.step.bytes if store.step else 0
            place += part.next_input.bytes
            out += part.next_output.bytes
            assert part.count == 1 or (place == end) == (turn == part.count - 1)
    assert read <= set(range(0, g.in_elems, g.in_c))
    assert sorted(stored) == list(range(0, g.out_elems, g.out_c))


def steps_of(part: Rows) -> Iterator[Step]:
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
