from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convgen.bench.build.layout import Call, Layout, arrange
from convgen.errors import NoFitError, UsageError
from convgen.schedule.overlap import Pool

MACHINE = 2**24


def call(workspace_bytes: int = 30, workspace_align: int = 4, pool: Pool | None = None) -> Call:
    return Call(
        name="toy",
        sources=("toy.c",),
        inputs=(101,),
        outputs=(203,),
        workspace_bytes=workspace_bytes,
        workspace_align=workspace_align,
        pool=pool,
    )


def lay(budget: int = 4096, static_bytes: int = 0, tested: Call | None = None) -> Layout:
    return arrange(
        tested or call(), budget=budget, static_bytes=static_bytes, machine_bytes=MACHINE
    )


ALIGNMENTS = st.sampled_from([1, 2, 4, 8, 16, 64])


@given(st.integers(334, 70000), ALIGNMENTS, ALIGNMENTS, st.sampled_from([0, 1, 30]))
def test_zones_add_up_to_the_budget_exactly_and_are_aligned_no_better_than_promised(
    budget: int, tensor_align: int, workspace_align: int, workspace: int
) -> None:
    tested = replace(call(workspace, workspace_align), tensor_align=tensor_align)
    layout = lay(budget, tested=tested)
    assert sum(zone.bytes for zone in layout.zones) == budget
    assert layout.stack.end % 16 == 0
    for zone in layout.zones[1:]:
        align = workspace_align if zone.name == "workspace" else tensor_align
        assert layout.align % (2 * align) == 0
        assert zone.start % (2 * align) == align


@given(st.integers(334, 70000))
def test_a_guard_of_64_bytes_begins_at_the_byte_after_each_zone(budget: int) -> None:
    layout = lay(budget)
    starts = [zone.start for zone in layout.zones] + [layout.arena_bytes]
    ends = [0] + [zone.end for zone in layout.zones]
    assert layout.guards == tuple(zip(ends, starts, strict=True))
    lengths = [end - start for start, end in layout.guards]
    assert lengths[0] >= 256
    assert min(lengths) >= 64
    assert layout.region_bytes == budget + sum(lengths)


def test_static_memory_comes_out_of_the_stack() -> None:
    assert lay(static_bytes=52).stack.bytes == lay().stack.bytes - 52
    assert lay(static_bytes=52).region_bytes == lay(4096 - 52).arena_bytes + 52


def test_no_workspace_has_no_zone() -> None:
    assert [zone.name for zone in lay(tested=call(workspace_bytes=0)).zones] == [
        "stack",
        "input",
        "output",
    ]


def test_a_pool_takes_the_place_of_input_and_output() -> None:
    pool = Pool(bytes=250, input_offset=149, output_offset=0)
    layout = arrange(call(pool=pool), budget=500, static_bytes=0, machine_bytes=MACHINE)
    sizes = [(zone.name, zone.bytes) for zone in layout.zones]
    assert sizes == [("stack", 220), ("pool", 250), ("workspace", 30)]


def test_a_budget_below_the_buffers_is_refused_with_the_shortfall() -> None:
    with pytest.raises(NoFitError, match=r"needs 334 bytes .* budget of 300 is 34 short"):
        lay(300)


@given(ALIGNMENTS, st.integers(0, 100))
def test_a_budget_above_the_machine_is_refused_with_the_largest(align: int, static: int) -> None:
    tested = call(workspace_align=align)
    with pytest.raises(UsageError, match="the largest for this layer is ") as caught:
        lay(MACHINE + 5, static, tested)
    largest = int(str(caught.value).rsplit(" ", 1)[1])
    assert MACHINE - 1024 < largest < MACHINE
    assert lay(largest, static, tested).region_bytes <= MACHINE
    with pytest.raises(UsageError):
        lay(largest + 1, static, tested)


def test_damage_is_told_by_the_nearest_zone() -> None:
    layout = lay()
    stack, tensor, output, workspace = layout.zones
    end = workspace.end
    assert layout.damage(end + 2, end + 9) == "wrote past the end of workspace: first byte at +32"
    assert layout.damage(output.end, output.end) == (
        "wrote past the end of output: first byte at +203"
    )
    assert layout.damage(output.start - 3, output.start - 2) == (
        "wrote before the start of output: byte at -2"
    )
    assert layout.damage(tensor.start - 60, tensor.start - 60) == (
        "wrote before the start of input: byte at -60"
    )
    assert layout.damage(stack.start - 8, stack.start - 1) == (
        f"stack overflow: the stack is {stack.bytes} bytes"
    )


def test_guards_touch_zones_on_both_sides() -> None:
    for (_, first_end), (second_start, _) in pairwise(lay().guards):
        assert first_end < second_start
