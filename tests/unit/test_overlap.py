"""The pool's distance, against a simulation that tags every byte with its owner."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from convgen.layer import Geometry
from convgen.overlap import input_distance
from convgen.plan import StoreOrder
from random_layers import Kind, geometries

KIND = Kind("int8")


def pixel_reads(g: Geometry, pixel: int) -> list[int]:
    """Return the input pixels that output *pixel* reads."""
    row, col = divmod(pixel, g.out_w)
    rows = [row * g.stride_h - g.pad_top + i * g.dilation_h for i in range(g.k_h)]
    cols = [col * g.stride_w - g.pad_left + j * g.dilation_w for j in range(g.k_w)]
    return [r * g.in_w + c for r in rows for c in cols if 0 <= r < g.in_h and 0 <= c < g.in_w]


def survives(g: Geometry, order: StoreOrder, distance: int) -> bool:
    """Run the plan's reads and stores; whether no byte was overwritten before its last read."""
    lowest_alive = 0  # input bytes below this address are gone: stores go upwards

    def intact(pixel: int) -> bool:
        return all(distance + p * g.in_c >= lowest_alive for p in pixel_reads(g, pixel))

    for start in range(0, g.out_pixels, order.pixels):
        block = range(start, min(start + order.pixels, g.out_pixels))
        if not all(intact(pixel) for pixel in block):
            return False
        lowest_alive = block[-1] * g.out_c + (0 if order.gathers else g.out_c - 1)
        if not order.gathers and not all(intact(pixel) for pixel in block):
            return False
        lowest_alive = (block[-1] + 1) * g.out_c
    return True


@given(geometries(KIND), st.integers(1, 5), st.booleans())
@settings(max_examples=300, deadline=None, derandomize=True)
def test_no_byte_is_read_after_it_was_overwritten(
    geometry: Geometry, pixels: int, gathers: bool
) -> None:
    order = StoreOrder(pixels=pixels, gathers=gathers)
    assert survives(geometry, order, input_distance(geometry, order))


def test_an_input_that_is_kept_lies_above_the_whole_output() -> None:
    geometry = Geometry(
        in_h=2, in_w=4, in_c=4, out_h=2, out_w=4, out_c=1, k_h=2, k_w=3,
        stride_h=1, stride_w=1, dilation_h=5, dilation_w=1,
        pad_top=4, pad_left=1, pad_bottom=1, pad_right=1, groups=1,
    )  # fmt: skip
    order = StoreOrder(pixels=8, gathers=False, keeps_input=True)
    assert input_distance(geometry, order) == geometry.out_elems
    assert input_distance(geometry, replace(order, keeps_input=False)) < geometry.out_elems


def test_the_pool_of_a_stem_is_the_published_one() -> None:
    stem = Geometry(
        in_h=32, in_w=32, in_c=3, out_h=32, out_w=32, out_c=16, k_h=3, k_w=3,
        stride_h=1, stride_w=1, dilation_h=1, dilation_w=1,
        pad_top=1, pad_left=1, pad_bottom=1, pad_right=1, groups=1,
    )  # fmt: skip
    order = StoreOrder(pixels=1, gathers=False)
    least = 13413  # if each byte is stored after all reads of its pixel; ours may store earlier
    assert survives(stem, order, least)
    assert not survives(stem, order, least - 1)
    assert input_distance(stem, order) == least + 1
