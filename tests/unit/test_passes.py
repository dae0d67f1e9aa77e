"""Rewriting a graph changes none of its bytes, and finds what there is to find."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

import random_graphs
from convgen.model import passes
from convgen.model.graph import Graph
from convgen.model.ops.add import Add
from convgen.model.ops.conv2d import Conv2d
from convgen.model.ops.move import Concatenation, Pad
from convgen.model.ops.pointwise import Pointwise
from convgen.model.ops.table import Table
from convgen.model.passes import PASSES, ends
from convgen.model.tensor import DType, Tensor
from random_graphs import Grower

GRAPHS = 150


def same(before: Graph, after: Graph, *inputs: np.ndarray) -> bool:
    pairs = zip(before.compute(*inputs), after.compute(*inputs), strict=True)
    return all(
        np.array_equal(one, two) if one.dtype != np.float64 else np.allclose(one, two, rtol=1e-9)
        for one, two in pairs
    )


@pytest.mark.parametrize(("name", "rewrite"), PASSES, ids=dict(PASSES))
def test_each_pass_alone_keeps_every_byte(name: str, rewrite: passes.Pass) -> None:
    changed = 0
    for number in range(GRAPHS):
        graph, inputs = random_graphs.draw(number)
        after = rewrite(graph)
        changed += after.operators != graph.operators
        assert same(graph, after, inputs), f"{name} of graph {number}"
    assert changed or name == "unused operators"


def test_all_passes_together_keep_every_byte() -> None:
    found = set()
    for number in range(GRAPHS, 2 * GRAPHS):
        graph, inputs = random_graphs.draw(number)
        after, saved = passes.simplified(graph)
        names = {each.name for each in saved}
        found |= names
        assert same(graph, after, inputs), number
        assert after.macs <= graph.macs or "shares of channels" in names  # which are padded
        again, more = passes.simplified(after)
        assert again.operators == after.operators
        assert more == ()
    assert found == {name for name, _ in PASSES} - {"unused operators"}


def test_what_passes_save_is_what_is_gone() -> None:
    for number in range(20):
        graph, _ = random_graphs.draw(number)
        after, saved = passes.simplified(graph)
        assert sum(each.macs for each in saved) == graph.macs - after.macs
        assert sum(each.operators for each in saved) == len(graph.operators) - len(after.operators)
        gone = passes.parameters(graph) - passes.parameters(after)
        assert sum(each.parameters for each in saved) == gone


def grower(dtype: DType = "int8") -> Grower:
    made = Grower(random.Random(1), dtype)  # noqa: S311 - the same each time
    made.start = made.tensor((5, 5, 4))
    return made


def graph_of(made: Grower, last: Tensor) -> Graph:
    return Graph(
        name="made", operators=tuple(made.operators), inputs=(made.start,), outputs=(last,)
    )


def dead_half(made: Grower, now: Tensor, constant: int) -> Tensor:
    """A convolution to 8 channels of which the last four are *constant*."""
    layer = made.layer(now, made.pointwise_geometry(now, 8), "conv2d")
    assert layer.quantization is not None
    weights, bias = layer.weights.copy(), np.arange(8, dtype=np.int32)
    weights[4:], bias[4:] = 0, 10**7 if constant == 127 else -(10**7)
    layer = replace(layer, weights=weights, bias=bias, activation_min=-128, activation_max=127)
    return made.add(layer)


def convolution(made: Grower, now: Tensor, pad: int) -> Tensor:
    geometry = made.pointwise_geometry(now, 4)
    size = now.shape[0] + 2 * pad - 2
    geometry = replace(
        geometry,
        **{"k_h": 3, "k_w": 3, "out_h": size, "out_w": size},
        **dict.fromkeys(("pad_top", "pad_left", "pad_bottom", "pad_right"), pad),
    )
    layer = made.layer(now, geometry, "conv2d")
    return made.add(replace(layer, weights=np.where(layer.weights == 0, 1, layer.weights)))


@pytest.mark.parametrize(
    ("constant", "pad", "goes"), [(127, 0, True), (127, 1, False), (-128, 1, False)]
)
def test_a_constant_channel_goes_into_the_bias_unless_padding_shows(
    constant: int, pad: int, goes: bool
) -> None:
    made = grower()
    middle = dead_half(made, made.start, constant)
    graph = graph_of(made, convolution(made, middle, pad))
    after, _ = passes.simplified(graph)
    first, second = after.operators
    assert isinstance(first, Conv2d)
    assert isinstance(second, Conv2d)
    assert first.geometry.out_c == second.geometry.in_c == (4 if goes else 8)


def test_a_constant_that_is_the_zero_point_goes_from_behind_padding_too() -> None:
    made = grower()
    middle = dead_half(made, made.start, -128)
    first = made.operators[0]
    assert isinstance(first, Conv2d)
    assert first.quantization is not None
    quantization = replace(first.quantization, out_zero_point=-128)
    made.operators[0] = replace(first, quantization=quantization)
    graph = graph_of(made, convolution(made, replace(middle, zero_point=-128), 1))
    after, [saved] = passes.simplified(graph)
    assert saved.name == "dead channels"
    assert saved.macs == graph.macs - after.macs == 25 * (16 + 9 * 4 * 4)
    inputs = np.random.default_rng(0).integers(-128, 128, (4, 5, 5, 4), np.int8)
    assert same(graph, after, inputs)


@pytest.mark.parametrize(("shift", "goes"), [(1, True), (-3, False)])
def test_a_constant_channel_goes_through_padding_that_a_clamp_hides(shift: int, goes: bool) -> None:
    """No window reads only the one tap that would lift the sum above the clamp."""
    made = grower()
    middle = replace(dead_half(made, made.start, 127), zero_point=0)
    first = made.operators[0]
    assert isinstance(first, Conv2d)
    assert first.quantization is not None
    made.operators[0] = replace(first, quantization=replace(first.quantization, out_zero_point=0))
    pads = dict.fromkeys(("pad_top", "pad_left", "pad_bottom", "pad_right"), 1)
    geometry = replace(made.pointwise_geometry(middle, 8), k_h=3, k_w=3, groups=8, **pads)
    layer = made.layer(middle, geometry, "conv2d")
    weights = np.full_like(layer.weights, -3)
    weights[:, 0, 0] = 3
    assert layer.quantization is not None
    quantization = replace(
        layer.quantization,
        multiplier=np.full(8, 2**30, np.int32),
        shift=np.full(8, shift, np.int32),
        out_zero_point=0,
    )
    layer = replace(layer, weights=weights, bias=None, quantization=quantization)
    layer = replace(layer, activation="clamp", activation_min=-100, activation_max=127)
    last = replace(made.add(layer), zero_point=0)
    graph = graph_of(made, convolution(made, last, 0))
    after, _ = passes.simplified(graph)
    assert isinstance(after.operators[-1], Conv2d)
    assert after.operators[-1].geometry.in_c == (4 if goes else 8)
    inputs = np.random.default_rng(0).integers(-128, 128, (4, 5, 5, 4), np.int8)
    assert same(graph, after, inputs)


def test_dead_channels_go_through_tensors_that_are_joined_and_padded() -> None:
    made = grower()
    one, two = (dead_half(made, made.start, constant) for constant in (127, -128))
    output = made.tensor((5, 5, 16), one)
    joined = made.add(Concatenation(name="", inputs=(one, two), output=output, axis=2))
    output = made.tensor((6, 6, 16), joined)
    padded = Pad(
        name="", inputs=(joined,), output=output, before=(1, 0, 0), after=(0, 1, 0), value=-128
    )
    graph = graph_of(made, convolution(made, made.add(padded), 0))
    after, _ = passes.simplified(graph)
    # What is 127 below the padding is not one constant.
    assert [operator.outputs[0].shape[2] for operator in after.operators] == [8, 4, 12, 12, 4]
    inputs = np.random.default_rng(0).integers(-128, 128, (4, 5, 5, 4), np.int8)
    assert same(graph, after, inputs)


def test_padding_with_another_constant_stays() -> None:
    for value, stays in ((5, True), (None, False)):
        made = grower()
        given = made.start
        filler = given.zero_point if value is None else value
        pad = Pad(
            name="",
            inputs=(given,),
            output=made.tensor((7, 7, 4), given),
            before=(1, 1, 0),
            after=(1, 1, 0),
            value=filler,
        )
        graph = graph_of(made, convolution(made, made.add(pad), 0))
        after, _ = passes.simplified(graph)
        assert (len(after.operators) == 2) == stays


def test_a_clamp_becomes_part_of_the_operator_before() -> None:
    made = grower("float32")
    middle = convolution(made, made.start, 1)
    relu = Pointwise(name="", inputs=(middle,), output=made.tensor(middle.shape), kind="relu6")
    after, [saved] = passes.simplified(graph_of(made, made.add(relu)))
    assert saved.name == "activations"
    [layer] = after.operators
    assert layer.activation_min == 0
    assert layer.activation_max == 6


def test_what_others_read_too_is_clamped_apart() -> None:
    made = grower("float32")
    middle = convolution(made, made.start, 1)
    relu = Pointwise(name="", inputs=(middle,), output=made.tensor(middle.shape), kind="relu6")
    graph = graph_of(made, made.add(relu))
    graph = replace(graph, outputs=(*graph.outputs, middle))
    assert passes.simplified(graph) == (graph, ())


def test_a_tensor_added_to_itself_is_a_function_of_one_byte() -> None:
    made = grower()
    total = Add(
        name="",
        inputs=(made.start, made.start),
        output=made.tensor(made.start.shape),
        activation="none",
        activation_min=-128,
        activation_max=127,
    )
    graph = graph_of(made, made.add(total))
    after, [saved] = passes.simplified(graph)
    assert saved.name == "functions of one byte"
    assert isinstance(after.operators[0], Table)
    inputs = np.arange(-128, 128, dtype=np.int8)[:200].reshape(2, 5, 5, 4)
    assert same(graph, after, inputs)


def test_ends_are_left_to_the_caller() -> None:
    tried = 0
    for number in range(GRAPHS):
        graph, inputs = random_graphs.draw(number)
        inner = ends.quantized_ends(graph)
        if inner.operators == graph.operators:
            continue
        tried += 1
        first, last = graph.operators[0], graph.operators[-1]
        assert inner.inputs[0].dtype == inner.outputs[0].dtype == "int8"
        [given] = first.compute(inputs)
        [found] = last.compute(*inner.compute(given))
        assert np.array_equal(found, graph.compute(inputs)[0])
    assert tried > 10
