"""Plans of every algorithm for the named layers: their sizes and their promises."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import minimal
from cases import CASES
from convgen.model.geometry import Geometry
from convgen.model.ops.conv2d import Conv2d
from convgen.plans import registry
from convgen.plans.buffers import buffer
from convgen.plans.conv import ALGORITHMS
from convgen.plans.conv.direct import DirectSteps
from convgen.plans.conv.inside import Inner, find_inner
from convgen.plans.conv.winograd_pairs import PairSteps
from convgen.plans.kernels.base import KernelPlan, spans_of
from convgen.plans.plan import Plan
from convgen.refusal import Refusal
from convgen.schedule.cost import cost_model
from convgen.targets import target
from planned import planned

TARGETS = ("cortex-m0", "cortex-m4", "cortex-m55", "rv32imc")


@pytest.fixture
def layers(tmp_path: Path) -> dict[str, Conv2d]:
    path = tmp_path / "layer.json"
    found = {}
    for name, text in CASES.items():
        path.write_text(json.dumps(text))
        found[name] = minimal.read(path)
    deep = found["deep"]
    return found | {"nibbles": replace(deep, weights=deep.weights // 19)}


def plans(layers: dict[str, Conv2d]) -> list[Plan]:
    return [
        plan
        for layer in layers.values()
        for name in TARGETS
        for plan in registry.able(layer, target.load(name)).values()
    ]


def test_algorithm_names_are_unique_and_begin_with_their_family() -> None:
    names = [algorithm.name for algorithm in ALGORITHMS]
    assert len(set(names)) == len(names)
    assert all(algorithm.name.startswith(algorithm.family) for algorithm in ALGORITHMS)
    assert tuple(dict.fromkeys(algorithm.family for algorithm in ALGORITHMS)) == (
        "direct", "im2col", "kn2row", "kn2row_as", "kn2row_aa", "indirect", "mec", "winograd",
    )  # fmt: skip


def test_direct_im2col_and_indirect_can_do_every_layer(layers: dict[str, Conv2d]) -> None:
    board = target.load("cortex-m4")
    for layer in layers.values():
        able = registry.able(layer, board).values()
        assert {plan.family for plan in able} >= {"direct", "im2col", "indirect"}


def by_kernel(layers: dict[str, Conv2d]) -> Iterator[tuple[Plan, KernelPlan]]:
    """Plans whose sums are an inner kernel's."""
    for plan in plans(layers):
        if isinstance(plan.kernel, KernelPlan):
            yield plan, plan.kernel


def test_weights_are_packed_without_loss(layers: dict[str, Conv2d]) -> None:
    for plan, _ in by_kernel(layers):
        packed = next(c.values for c in plan.constants if c.name == "weights")
        if plan.kernel.name == "pairs":
            check_pairs(plan, packed)
        elif plan.family == "winograd" and not plan.algorithm.endswith("_ram"):
            per_kernel = 16 if "2x2" in plan.algorithm else 36
            assert packed.size == plan.layer.weights.size // 9 * per_kernel
        else:
            assert sorted(packed.reshape(-1)) == sorted(plan.layer.weights.reshape(-1))


def check_pairs(plan: Plan, packed: np.ndarray) -> None:
    """Channels are made up to whole blocks and pairs by weights of nought."""
    g, block = plan.layer.geometry, plan.steps.shape.channels
    kernels = -(-g.out_c // block) * block * -(-g.in_c // 2) * 2
    if plan.algorithm.endswith("_ram"):
        assert packed.size == 9 * kernels
        assert sorted(packed[packed != 0]) == sorted(plan.layer.weights[plan.layer.weights != 0])
    else:
        assert packed.nbytes == 2 * kernels * (16 if "2x2" in plan.algorithm else 36)


def test_channel_blocks_cover_every_channel_once(layers: dict[str, Conv2d]) -> None:
    for plan, kernel in by_kernel(layers):
        covered = sum(width * kernel.blocks(width) for width in kernel.channel_blocks)
        assert covered == plan.layer.geometry.out_c


def test_every_unit_of_work_has_a_price(layers: dict[str, Conv2d]) -> None:
    for name in target.names():
        board = target.load(name)
        for layer in layers.values():
            for plan in registry.able(layer, board).values():
                assert cost_model(layer, board).predict(plan) > layer.geometry.out_elems


def reach(g: Geometry) -> int:
    return g.dilation_h * (g.k_h - 1) + 1


def rows_seen(g: Geometry) -> int:
    return (g.out_h - 1) * g.stride_h + reach(g)


def columns_saved(g: Geometry) -> int:
    return min(max(g.pad_left, abs(g.dilation_w * (g.k_w - 1) - g.pad_left)), g.in_w)


# The literature's formulas in bytes, on a core with 32-bit pointers; arguments: geometry, bytes of
# an element, bytes of a sum that needs memory of its own, which a float32 sum does not.
FORMULAS: dict[str, Callable[[Geometry, int, int], int]] = {
    "direct": lambda g, item, own: 0,
    "direct_p1": lambda g, item, own: 0,
    "direct_planes": lambda g, item, own: 0,
    "direct_lanes": lambda g, item, own: 0,
    "im2col_p1": lambda g, item, own: g.taps * g.in_c * item,
    "im2col_p2": lambda g, item, own: 2 * g.taps * g.in_c * item,
    "im2col_p4": lambda g, item, own: 4 * g.taps * g.in_c * item,
    "im2col_full": lambda g, item, own: (
        0 if g.is_pointwise else g.out_pixels * g.taps * g.in_c * item
    ),
    "kn2row": lambda g, item, own: g.taps * g.out_c * g.in_h * g.in_w * 4,
    "kn2row_as": lambda g, item, own: g.out_c * (g.in_h * g.in_w * 4 + g.out_pixels * own),
    "kn2row_aa": lambda g, item, own: g.out_w * g.out_c * own,
    "kn2row_aa_holes": lambda g, item, own: (
        g.out_pixels * g.out_c * own + columns_saved(g) * g.in_h * g.in_c * item
    ),
    "indirect_flash": lambda g, item, own: 0,
    "indirect_row": lambda g, item, own: g.out_w * g.taps * 4,
    "indirect_init": lambda g, item, own: g.out_pixels * g.taps * 4,
    "im2col_p2_wide": lambda g, item, own: 8 * -(-g.patch_elems // 2),
    "mec": lambda g, item, own: g.out_w * rows_seen(g) * g.k_w * g.in_c * item,
    "mec_ring": lambda g, item, own: g.out_w * reach(g) * g.k_w * g.in_c * item,
}


def inplace_formula(plan: Plan) -> int:
    """A row of pixels; for the assembly as words of two, the padding before the first."""
    g = plan.layer.geometry
    return 4 * -(-(g.in_w + g.pad_left) // 2) if plan.steps.frame else g.in_w


def winograd_formula(plan: Plan) -> int:
    """For each position of T tiles their elements and the sums of a block; weights in RAM."""
    g, item = plan.layer.geometry, 2 if plan.layer.dtype == "int8" else 4
    _, form, tiles, *where = plan.algorithm.split("_")
    count = int(tiles.removeprefix("t"))
    if plan.kernel.name == "pairs":
        steps: PairSteps = plan.steps
        pairs, channels = -(-g.in_c // 2), steps.shape.channels
        words = count * channels + count * pairs * (2 if steps.wide else 1)
        words += -(-g.out_c // channels) * channels * pairs if where else 0
        return {"2x2": 16, "4x4": 36}[form] * words * 4
    assert isinstance(plan.kernel, KernelPlan)
    block = min(count, plan.kernel.pixels) * min(4, g.out_c // g.groups)
    weights = g.out_c * g.group_in_c * item if where else 0
    return {"2x2": 16, "4x4": 36}[form] * (count * g.in_c * item + block * 4 + weights)


def wide_formula(plan: Plan) -> int:
    """Lines of int16, as many as some output rows see: as long as blocks of four outputs read.

    They are rows, or the columns that a kernel of one column goes down.
    """
    g = plan.layer.geometry
    rows, cols = (g.out_h, g.stride_h, g.k_h), (g.out_w, g.stride_w, g.k_w)
    down = g.k_w == 1 and g.k_h > 1
    (lines, next_line, across), (outputs, stride, taps) = (cols, rows) if down else (rows, cols)
    size, pad = (g.in_h, g.pad_top) if down else (g.in_w, g.pad_left)
    at_once = 2 if plan.algorithm.endswith("_r2") else lines
    last = 4 * ((outputs - 1) // 4)
    behind = last + min(4, max(2 if stride == 1 else 1, outputs - last)) - 1
    begins = behind * stride // 2 * 2
    read = begins + 2 * -(-(taps + behind * stride - begins) // 2)
    seen = min(size + pad, (outputs - 1) * stride + taps)
    return 2 * ((at_once - 1) * next_line + across) * max(read, seen + seen % 2)


def quads_formula(plan: Plan) -> int:
    """Four rows, of as many columns as blocks of four outputs look at."""
    g = plan.layer.geometry
    rows, cols = (2 if k + s <= 4 else 1 for k, s in ((g.k_h, g.stride_h), (g.k_w, g.stride_w)))
    outputs = -(-g.out_w // (4 // rows)) * (4 // rows)
    return 4 * g.in_c * max(g.pad_left + g.in_w, (outputs - cols) * g.stride_w + 4)


OWN_FORMULAS = {
    "direct_quads": quads_formula,
    "winograd": winograd_formula,
    "direct_planes_inplace": inplace_formula,
    "direct_planes_wide": wide_formula,
    "direct_planes_wide_r2": wide_formula,
}


def test_workspace_is_the_formula(layers: dict[str, Conv2d]) -> None:
    seen = set()
    for plan in plans(layers):
        layer = plan.layer
        own = 0 if layer.dtype == "float32" else 4
        name = plan.algorithm.removesuffix("_w16").removesuffix("_w4")
        of_plan = OWN_FORMULAS.get(name, OWN_FORMULAS.get(plan.family))
        formula = (
            of_plan(plan) if of_plan else FORMULAS[name](layer.geometry, layer.elem_bytes, own)
        )
        assert plan.workspace_bytes == formula, plan.algorithm
        seen.add(plan.algorithm)
    assert seen >= {a.name for a in ALGORITHMS if "4x4_t4" not in a.name}


def test_a_pointwise_patch_is_copied_only_where_patches_are_gathered_some_at_a_time(
    layers: dict[str, Conv2d],
) -> None:
    layer, board = layers["pointwise"], target.load("cortex-m4")
    found = registry.able(layer, board)
    assert found["im2col_full"].workspace_bytes == 0
    assert found["im2col_p2"].workspace_bytes == 2 * layer.geometry.in_c
    assert not found["im2col_full"].order.gathers
    assert found["im2col_p2_wide"].order.gathers
    assert "anything must be lowered" in str(refusals(layer)["mec"])


@pytest.mark.parametrize(("board", "pixels"), [("cortex-m0", 1), ("cortex-m4", 2), ("rv32imc", 4)])
def test_one_pixel_at_a_time_is_refused_where_there_are_no_more(
    board: str, pixels: int, layers: dict[str, Conv2d]
) -> None:
    described = target.load(board)
    for layer in (layers["pointwise"], layers["connected"], layers["real"]):
        most = min(pixels, max(1, find_inner(layer.geometry).cols))
        answers = {a.name: answer for a, answer in registry.plans(layer, described)}
        direct, single = answers["direct"], answers["direct_p1"]
        assert isinstance(direct, Plan)
        assert max(direct.steps.pixel_blocks) == most
        if most == 1:
            sentence = "needs blocks of several pixels; this layer has 1 in those of direct too"
            assert single == Refusal(sentence)
        else:
            assert isinstance(single, Plan)
            assert single.steps.pixel_blocks == (1,)


def test_more_patches_than_pixels_are_refused(layers: dict[str, Conv2d]) -> None:
    tiny = layers["small"]  # 1 x 2 outputs
    reasons = refusals(tiny)
    assert reasons["im2col_p1"] is None
    for patches in (2, 4):
        sentence = f"needs more than {patches} output pixels, or im2col_full does the same"
        assert reasons[f"im2col_p{patches}"] == f"{sentence}; this layer has 2"


def test_more_patches_than_a_block_has_pixels_are_refused(layers: dict[str, Conv2d]) -> None:
    for board, at_once in (("cortex-m0", 1), ("cortex-m4", 2)):
        reason = refusals(layers["first"], board)["im2col_p2"]
        sentence = "needs an inner loop of 2 at a time; this layer has one of 1 on this core"
        assert reason == (None if at_once == 2 else sentence)


def test_a_patch_matrix_beyond_32_bits_is_refused(layers: dict[str, Conv2d]) -> None:
    layer = layers["first"]
    large = replace(layer, geometry=replace(layer.geometry, out_h=2**16, out_w=2**12))
    sentence = "needs a patch matrix below 2^31 bytes; this layer has one of 7,247,757,312"
    answers = registry.plans(large, target.load("cortex-m4"), {"im2col_full"})
    assert [answer for _, answer in answers] == [Refusal(sentence)]


def summing(channels: int, kernel: int, weight: int, bias: int) -> Conv2d:
    """Return a layer of one output channel whose weights are all the same."""
    fields = minimal.made_up(
        input={"shape": [kernel, kernel, channels], "dtype": "int8", "zero_point": -128},
        out_channels=1,
        kernel_size=kernel,
        padding="valid",
    )
    layer = minimal.load(fields)
    weights = np.full(layer.weights.shape, weight, np.int8)
    return replace(layer, weights=weights, bias=np.array([bias], np.int32))


def refusals(layer: Conv2d, board: str = "cortex-m4") -> dict[str, str | None]:
    answers = registry.plans(layer, target.load(board))
    return {a.name: answer.reason if isinstance(answer, Refusal) else None for a, answer in answers}


def test_sums_that_may_leave_int32_are_refused_by_all() -> None:
    layer = summing(channels=66_000, kernel=1, weight=-128, bias=-(2**31))
    assert None not in refusals(layer).values()


def test_a_tap_that_alone_may_leave_int32_is_refused_by_those_that_keep_it_alone() -> None:
    layer = summing(channels=66_000, kernel=1, weight=-128, bias=2**31 - 1)
    low, high = layer.accumulator_range
    assert -(2**31) <= low.min() <= high.max() < 2**31
    refused = refusals(layer)
    assert refused["direct"] is refused["im2col_full"] is refused["kn2row_aa"] is None
    sentence = "needs sums below 2^31 to be exact; this layer has sums of up to 2,154,239,999"
    assert refused["kn2row"] == refused["kn2row_as"] == sentence


@pytest.mark.parametrize(("channels", "exact"), [(229, "both"), (230, "2x2"), (3670, "none")])
def test_winograd_is_refused_where_its_sums_are_not_exact(channels: int, exact: str) -> None:
    refused = refusals(summing(channels=channels, kernel=3, weight=127, bias=0))
    assert (refused["winograd_4x4_t1"] is None) == (exact == "both")
    assert (refused["winograd_2x2_t1"] is None) == (exact != "none")
    if exact == "2x2":
        assert "needs sums below 2^25 to be exact" in str(refused["winograd_4x4_t1"])


def test_a_plan_that_breaks_its_rules_fails_while_generating(layers: dict[str, Conv2d]) -> None:
    plan = planned("direct", layers["first"], target.load("cortex-m4"))
    with pytest.raises(ValueError, match="constants have names of their own"):
        replace(plan, constants=(*plan.constants, plan.constants[0]))
    buffers = (
        buffer("narrow", "int8", 3),
        buffer("wide", "int32", 2),
    )
    with pytest.raises(ValueError, match="most aligned first"):
        replace(plan, workspace=buffers)


def test_inner_pixels_read_no_padding(layers: dict[str, Conv2d]) -> None:
    g = layers["grouped"].geometry
    inner = find_inner(g)
    for row in range(g.out_h):
        for col in range(g.out_w):
            top, left = row * g.stride_h - g.pad_top, col * g.stride_w - g.pad_left
            bottom = top + (g.k_h - 1) * g.dilation_h
            right = left + (g.k_w - 1) * g.dilation_w
            inside = top >= 0 and left >= 0 and bottom < g.in_h and right < g.in_w
            listed = inner.top <= row < inner.bottom and inner.left <= col < inner.right
            assert inside == listed


@pytest.mark.parametrize(
    ("inner", "blocks", "forwards", "backwards"),
    [
        ((0, 6), (3,), False, False),
        ((0, 6), (4,), True, True),  # two are left over
        ((0, 6), (4, 2), False, False),
        ((0, 5), (5,), True, False),
        ((1, 6), (5,), False, True),
        ((0, 0), (), True, True),
    ],
)
def test_edges_follow_blocks_that_do_not_reach_the_border(
    inner: tuple[int, int], blocks: tuple[int, ...], forwards: bool, backwards: bool
) -> None:
    """GCC 12 warned of a loop that came after all six pixels."""
    left, right = inner
    steps = DirectSteps(
        inner=Inner(top=1, bottom=5, left=left, right=right),
        inner_pixels=blocks,
        has_edges=True,
        skips_outside=False,
        row_runs=True,
        run_elems=1,
        tap_elems=1,
        elem_bytes=1,
    )
    assert steps.has_edges_behind(6, backwards=False) == forwards
    assert steps.has_edges_behind(6, backwards=True) == backwards


def test_constants_hold_the_folded_bias(layers: dict[str, Conv2d]) -> None:
    layer = layers["first"]
    plan = planned("direct", layer, target.load("cortex-m3"))
    bias = next(c.values for c in plan.constants if c.name == "bias")
    assert bias.dtype == np.int32
    assert bias.tolist() == layer.folded_bias.tolist()


@pytest.mark.parametrize(("channels", "block"), [(1, 4), (4, 4), (5, 4), (8, 4), (3, 1)])
def test_spans_tile_the_channels(channels: int, block: int) -> None:
    spans = spans_of(channels, block)
    assert spans[0].first == 0
    assert spans[-1].last == channels
    assert sum(span.blocks * span.channels for span in spans) == channels
