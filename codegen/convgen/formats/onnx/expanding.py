"""Operators of integers as what they stand for: DequantizeLinear, an operator, QuantizeLinear.

So QLinear models and those of QuantizeLinear and DequantizeLinear pairs are read alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from convgen.formats.onnx.tables import Node


@dataclass(frozen=True, slots=True)
class _RealForm:
    """What it is of real numbers, and its operands: (tensor, scale, zero point) each."""

    kind: str
    operands: tuple[tuple[int, int, int], ...]
    output: tuple[int, int]
    bias: int | None = None
    repeated: bool = False


_ONE = ((0, 1, 2),)
_TWO = ((0, 1, 2), (3, 4, 5))
FORMS = {
    "QLinearConv": _RealForm("Conv", _TWO, (6, 7), bias=8),
    "QLinearMatMul": _RealForm("MatMul", _TWO, (6, 7)),
    "QLinearAdd": _RealForm("Add", _TWO, (6, 7)),
    "QLinearMul": _RealForm("Mul", _TWO, (6, 7)),
    "QGemm": _RealForm("Gemm", _TWO, (7, 8), bias=6),
    "QLinearAveragePool": _RealForm("AveragePool", _ONE, (3, 4)),
    "QLinearGlobalAveragePool": _RealForm("GlobalAveragePool", _ONE, (3, 4)),
    "QLinearLeakyRelu": _RealForm("LeakyRelu", _ONE, (3, 4)),
    "QLinearSigmoid": _RealForm("Sigmoid", _ONE, (3, 4)),
    "QLinearSoftmax": _RealForm("Softmax", _ONE, (3, 4)),
    "QLinearConcat": _RealForm("Concat", (), (0, 1), repeated=True),
}


def expanded(node: Node) -> Iterator[Node]:
    """Yield *node*, or the three or more operators that it stands for."""
    form = FORMS.get(node.kind)
    if form is None:
        yield node
        return
    operands = form.operands
    if form.repeated:
        operands = tuple((at, at + 1, at + 2) for at in range(2, len(node.inputs), 3))
    names = []
    for place, (tensor, *numbers) in enumerate(operands):
        names.append(f"{node.outputs[0]}:real:{place}")
        rows = form.kind == "Conv" or node.attributes.get("transB", 0)
        axis: dict[str, object] = {"axis": 0 if rows else 1}
        inputs = tuple(_at(node, each) for each in (tensor, *numbers))
        yield _node(node, "DequantizeLinear", inputs, names[-1], axis)
    if form.bias is not None and _at(node, form.bias):
        names.append(_at(node, form.bias))
    real = f"{node.outputs[0]}:real"
    yield _node(node, form.kind, tuple(names), real, dict(node.attributes))
    inputs = (real, *(_at(node, each) for each in form.output))
    yield _node(node, "QuantizeLinear", inputs, node.outputs[0], {})


def _at(node: Node, place: int) -> str:
    return node.inputs[place] if place < len(node.inputs) else ""


def _node(
    node: Node, kind: str, inputs: tuple[str, ...], output: str, attributes: dict[str, object]
) -> Node:
    return Node(
        index=node.index, kind=kind, inputs=inputs, outputs=(output,), attributes=attributes
    )
