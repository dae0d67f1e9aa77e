"""The pool that the planner finds, against a simulation that tags every byte with its owner."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import documents
import minimal
from convgen.model.geometry import Geometry
from convgen.model.ops.conv2d import Conv2d
from convgen.plans import registry
from convgen.plans.order import Blocks, StoreOrder, at_once, cut, first_reads, in_blocks, in_tiles
from convgen.plans.plan import Plan
from convgen.schedule.overlap import Pool, distances, pool_for, share
from convgen.schedule.select import survey, undemanding
from convgen.targets import target
from pool_simulator import survives
from random_layers import Kind, geometries

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "overlap.md"
PEERS = ROOT / "benchmarks" / "peers.json"
SHAPES = {
    name: layer["shape"] for name, layer in json.loads(PEERS.read_text("utf-8"))["layers"].items()
}
LEAST_POOLS = {
    "r8_conv1": 16_485,
    "r8_s1": 16_927,
    "r8_s2": 8_767,
    "r8_down": 16_415,
    "kws_dw": 8_006,
    "kws_pw": 8_063,
    "vww_conv1": 27_749,
    "vww_dw2": 36_864,
}
"""What one pixel after the other, stored byte by byte, would need; of depthwise with its temp."""
FAST = 1.15  # times the fewest instructions: two predictions may be so far apart that are not


def backwards(stored: Blocks) -> Blocks:
    """Return the same blocks in the opposite order."""
    reverse: Blocks = stored.max() - stored
    return reverse


@st.composite
def orders(draw: st.DrawFn, g: Geometry) -> StoreOrder:
    """Draw blocks of any size, tiles or all at once, forwards or backwards."""
    pixels, height, width = (draw(st.integers(1, 5)) for _ in range(3))
    stored = draw(
        st.sampled_from(
            [in_blocks(g, cut(g.out_pixels, (pixels, 1))), in_tiles(g, height, width), at_once(g)]
        )
    )
    stored = backwards(stored) if draw(st.booleans()) else stored
    return StoreOrder(
        stored_by=lambda: stored,
        gathers=draw(st.booleans()),
        by_channel=g.in_c == g.out_c and draw(st.booleans()),
        needs_all=draw(st.integers(0, 9)) == 0,
        kept_by=(lambda: first_reads(g, stored)) if draw(st.integers(0, 3)) == 0 else None,
    )


@st.composite
def ordered(draw: st.DrawFn) -> tuple[Geometry, StoreOrder]:
    kind = draw(st.sampled_from([Kind("int8"), Kind("int8", grouping="channels")]))
    geometry = draw(geometries(kind))
    return geometry, draw(orders(geometry))


def nearer(pool: Pool) -> Pool | None:
    """Return a pool that is a byte smaller, if it can be."""
    if pool.input_offset:
        return replace(pool, bytes=pool.bytes - 1, input_offset=pool.input_offset - 1)
    if pool.output_offset:
        return replace(pool, bytes=pool.bytes - 1, output_offset=pool.output_offset - 1)
    return None


@given(ordered(), st.sampled_from([1, 4]))
@settings(max_examples=400, deadline=None, derandomize=True)
def test_no_byte_is_read_after_it_was_overwritten(
    case: tuple[Geometry, StoreOrder], elem_bytes: int
) -> None:
    g, order = case
    assert survives(g, order, pool_for(g, order, elem_bytes), elem_bytes)


@given(ordered())
@settings(max_examples=200, deadline=None, derandomize=True)
def test_both_directions_are_safe(case: tuple[Geometry, StoreOrder]) -> None:
    g, order = case
    above, below = distances(g, order)
    size = g.in_elems + g.out_elems + above + below
    assert survives(g, order, Pool(bytes=size, input_offset=above, output_offset=0))
    assert survives(g, order, Pool(bytes=size, input_offset=0, output_offset=below))


def real_layer(name: str) -> Conv2d:
    """Return one of the layers that convgen is compared with others on."""
    shape = {key: value for key, value in SHAPES[name].items() if key not in ("input", "macs")}
    of_input = {"shape": SHAPES[name]["input"], "dtype": "int8", "zero_point": -128}
    fields = {"name": name, "op": "conv2d", "input": of_input, "activation": "relu"}
    return minimal.load(fields | shape)


def plans(name: str) -> Iterator[Plan]:
    layer = real_layer(name)
    for board in map(target.load, ("cortex-m4", "cortex-m0", "rv32imc")):
        yield from registry.able(layer, board).values()


@pytest.mark.parametrize("name", SHAPES)
def test_a_byte_less_would_be_too_little(name: str) -> None:
    tried: set[tuple[object, ...]] = set()
    for plan in plans(name):
        ordered_plan, pool = share(plan)
        g, order = plan.layer.geometry, ordered_plan.order
        key = (order.stored.tobytes(), order.gathers, order.by_channel, order.kept is None, pool)
        if key in tried:
            continue
        tried.add(key)
        assert survives(g, order, pool), plan.algorithm
        least = max(g.in_elems, g.out_elems)
        smaller = nearer(pool) if pool.bytes > least else None
        assert (smaller is None) == (pool.bytes == least)
        assert smaller is None or not survives(g, order, smaller), plan.algorithm


@pytest.mark.parametrize("board", ["cortex-m0", "cortex-m4", "rv32imc"])
@pytest.mark.parametrize("name", SHAPES)
def test_a_fast_algorithm_needs_hardly_more_than_the_least_pool(name: str, board: str) -> None:
    layer = real_layer(name)
    candidates, _ = survey(layer, target.load(board), overlap=True)
    fastest = min(candidate.instructions for candidate in candidates)
    pools = [c.tensors for c in candidates if c.instructions <= FAST * fastest]
    least = LEAST_POOLS.get(name, pixel_by_pixel(layer.geometry))
    assert min(pools) <= 1.01 * least


def pixel_by_pixel(g: Geometry) -> int:
    """Return the pool that outputs need which are done one by one, from either end."""
    stored = in_blocks(g, [1])
    orders = (
        StoreOrder(stored_by=partial(np.copy, order), gathers=False)
        for order in (stored, backwards(stored))
    )
    return min(pool_for(g, order, 1).bytes for order in orders)


def test_pixels_may_lie_on_dead_ones_between_others() -> None:
    """Tiles overwrite what only they have read, if the input begins just a row above."""
    g = real_layer("r8_s1").geometry
    stored = in_tiles(g, 4, 4)
    tiles = StoreOrder(stored_by=lambda: stored, gathers=True)
    assert distances(g, tiles)[0] == 4 * 32 * 16 + 16
    kept = np.full((g.in_h, g.in_w), tiles.blocks)
    kept[:, 3::4] = stored[np.minimum(np.arange(32) + 1, 31)][:, 3::4]
    assert distances(g, replace(tiles, kept_by=lambda: kept))[0] == 32 * 16


def test_the_document_has_what_it_gives() -> None:
    shown = documents.rows(DOCUMENT, "layer")
    assert len(shown) >= 7
    assert shown == [what_it_gives(row[0]) for row in shown]


def what_it_gives(name: str) -> list[str]:
    """Return a row of the table in docs/overlap.md."""
    layer = real_layer(name)
    candidates = undemanding(survey(layer, target.load("cortex-m4"), overlap=True)[0])
    least = min(candidates, key=lambda c: (c.ram_without_stack, c.instructions))
    sizes = (layer.input_bytes + layer.output_bytes, least.tensors, least.plan.workspace_bytes)
    both, pool, workspace = (f"{size:,}" for size in sizes)
    return [name, both, least.algorithm, pool, workspace]
