"""The words of the comments at the top of the generated files: what was planned, and why."""

from __future__ import annotations

import math

from convgen.ctext.literals import floating
from convgen.model.operator import Operator, Windowed, tensor_bytes
from convgen.model.ops.conv2d import Conv2d
from convgen.model.ops.transposed_conv2d import TransposedConv2d
from convgen.model.tensor import Tensor
from convgen.plans.kernels import instruction_set
from convgen.plans.plan import Plan
from convgen.schedule.overlap import Pool
from convgen.targets.target import Target

SYNTHETIC = "SYNTHETIC: weights, bias and scales are made up from a seed, not trained"
HELIUM = "with Helium GCC has -fno-tree-loop-if-convert, clang no vectors of its own"

Rows = list[tuple[str, str]]
"""Labels and what they are labels of."""


def description(plan: Plan) -> list[str]:
    """Return what callers of the operator may want to know."""
    operator = plan.operator
    macs = f", {operator.macs:,} MACs" if operator.macs else ""
    rows = [
        ("Layer", f"{operator.kind}, {operator.dtype}{macs}"),
        *((_label(tensor), _tensor(tensor)) for tensor in (*operator.inputs, *operator.outputs)),
        *_window(operator),
        ("Activation", _activation(operator)),
        ("Algorithm", f"{plan.algorithm}: {plan.summary}"),
        ("Workspace", _workspace(plan)),
        ("Constants", f"{plan.constant_bytes:,} bytes"),
    ]
    if plan.output.description:
        shifts = "two's complement, and >> of negative integers is arithmetic"
        rows.append(("Quantised", f"{plan.output.description}; {shifts}"))
    if operator.synthetic:
        rows.append(("Numbers", SYNTHETIC))
    rows += [("Note", note) for note in plan.notes]
    return [f"{operator.name}: {operator.title}", "", *_table(rows)]


def inside(plan: Plan, target: Target) -> list[str]:
    """Return what concerns readers and compilers of the source alone."""
    operator, name = plan.operator, plan.operator.name
    rows = [("Algorithm", plan.algorithm), ("Sums", plan.kernel.description)]
    if plan.assembly:
        rows.append(("Assembly", plan.assembly.description))
    if instruction_set(target).has_vectors:
        rows.append(("Compiler", HELIUM))
    if operator.synthetic:
        rows.append(("Numbers", SYNTHETIC))
    return [f"{name}: {operator.title}; {name}.h says of what sizes", "", *_table(rows)]


def decisions(plan: Plan, pool: Pool | None) -> list[str]:
    """Return what was decided, and what the text was printed from."""
    shared = [_shared(plan, pool)] if pool else []
    return [*plan.decisions, *shared, f"Printed from templates/{plan.template}."]


def _table(rows: Rows) -> list[str]:
    return [f"{label:<10} {text}" for label, text in rows]


def _label(tensor: Tensor) -> str:
    return tensor.name.replace("_", " ").capitalize()


def _tensor(tensor: Tensor) -> str:
    sides = " x ".join(map(str, tensor.shape))
    axes = " (height x width x channels)" if len(tensor.shape) == 3 else ""
    text = f"{sides}{axes}, {tensor.bytes:,} bytes"
    if not tensor.arithmetic.is_exact:
        return text
    scale = f", scale {floating(tensor.scale).removesuffix('f')}" if tensor.scale else ""
    return f"{text}{scale}, zero point {tensor.zero_point}"


def window(operator: Operator) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Return height and width of kernel and stride, of an operator that has a window."""
    if isinstance(operator, TransposedConv2d):
        g = operator.convolution.geometry
        return (g.k_h, g.k_w), operator.strides
    if isinstance(operator, Windowed):
        g = operator.geometry
        return (g.k_h, g.k_w), (g.stride_h, g.stride_w)
    return None


def _window(operator: Operator) -> Rows:
    """Return kernel and padding, of an operator that has a window."""
    found = window(operator)
    if found is None:
        return []
    kernel, stride = (f"{height} x {width}" for height, width in found)
    more = ""
    if isinstance(operator, Conv2d):
        g = operator.geometry
        more = f", dilation {g.dilation_h} x {g.dilation_w}, groups {g.groups}"
    return [("Kernel", f"{kernel}, stride {stride}{more}"), ("Padding", _padding(operator))]


def _padding(operator: Operator) -> str:
    if isinstance(operator, TransposedConv2d):
        rows, columns = operator.pads
        return f"of outputs, left out: {rows} top, {columns} left"
    if not isinstance(operator, Windowed) or not operator.geometry.has_padding:
        return "none"
    g = operator.geometry
    return f"{g.pad_top} top, {g.pad_left} left, {g.pad_bottom} bottom, {g.pad_right} right"


def _activation(operator: Operator) -> str:
    low, high = operator.activation_min, operator.activation_max
    if math.isfinite(low) and math.isfinite(high):
        return f"{operator.activation}: outputs from {low:g} to {high:g}"
    at_least = f"{operator.activation}: outputs of at least {low:g}"
    return at_least if math.isfinite(low) else "none"


def _workspace(plan: Plan) -> str:
    if not plan.workspace:
        return "none"
    buffers = (
        f"{buffer.declared}" + "".join(f"[{size}]" for size in buffer.shape)
        for buffer in plan.workspace
    )
    return f"{plan.workspace_bytes:,} bytes: {', '.join(buffers)}"


def _shared(plan: Plan, pool: Pool) -> str:
    apart = tensor_bytes(plan.operator)
    places = "Input and output begin together"
    if pool.more_input_offsets:
        places = "Inputs stand side by side, and the output takes the place of the first,"
    elif pool.input_offset:
        places = f"The input begins {pool.input_offset:,} bytes above the output"
    elif pool.output_offset:
        places = f"The output begins {pool.output_offset:,} bytes above the input"
    order = plan.orders[0] if plan.orders else None
    backwards = ", the last outputs first" if order and order.reverse else ""
    instead = f" instead of {apart:,}" if pool.bytes < apart else ""
    swap = order.swap if order else None
    kept = f" `{swap.name}` keeps pixels for which outputs come too early." if swap else ""
    return f"{places} in one pool{backwards}: {pool.bytes:,} bytes{instead}.{kept}"
