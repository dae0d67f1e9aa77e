"""A plan as C: the files a firmware engineer takes, and the words in their header comments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from convgen.ctext.literals import ctype, floating, macro, operand
from convgen.model.ops.conv2d import Conv2d
from convgen.plans.plan import Plan
from convgen.schedule.overlap import Pool
from convgen.sources.remake import Remake
from convgen.sources.render import render_text
from convgen.system import seal
from convgen.targets.target import Target

SYNTHETIC = "SYNTHETIC: weights, bias and scales are made up from a seed, not trained"
NO_IF_CONVERSION = "with Helium GCC compiles this file with -fno-tree-loop-if-convert, by a pragma"


@dataclass(frozen=True, slots=True, kw_only=True)
class Macro:
    """A number in the header: ``<LAYER>_<name>``, its value in C, and a comment or nothing."""

    name: str
    value: str
    note: str = ""


def layer_files(
    plan: Plan, target: Target, pool: Pool | None, remake: Remake | None = None
) -> dict[str, str]:
    """Print the layer: ``{file name: text}`` of its header, source and constants.

    With *remake* each file names the command that prints it again.
    """
    name = plan.layer.name
    context = _context(plan, target, pool, remake)
    templates = ("layer.h.j2", plan.template, "weights.h.j2", "weights.c.j2")
    texts = (seal.sealed(render_text(template, **context)) for template in templates)
    return dict(zip(file_names(name), texts, strict=True))


def file_names(layer: str) -> tuple[str, ...]:
    """Return the names of all files of *layer*."""
    return tuple(f"{layer}{end}" for end in (".h", ".c", "_weights.h", "_weights.c"))


def source_names(plan: Plan) -> tuple[str, ...]:
    """Return the files of the layer that are compiled."""
    return (f"{plan.layer.name}.c", f"{plan.layer.name}_weights.c")


def _context(
    plan: Plan, target: Target, pool: Pool | None, remake: Remake | None
) -> dict[str, Any]:
    layer = plan.layer
    macros = header_macros(plan, pool)
    return {
        "plan": plan,
        "layer": layer,
        "geometry": layer.geometry,
        "kernel": plan.kernel,
        "steps": plan.steps,
        "requantize": plan.requantize,
        "name": layer.name,
        "elem": ctype(layer.dtype),
        "sum": "int32_t" if layer.dtype == "int8" else "float",
        "input_type": f"{'' if plan.writes_input else 'const '}{ctype(layer.dtype)} *",
        "pool": pool,
        "target": target,
        "description": _description(plan),
        "inside": [*_inside(plan, target), "", *_decisions(plan, pool)],
        "constants_title": [
            f"{layer.name}: constants",
            *((SYNTHETIC,) if layer.synthetic else ()),
        ],
        "seal": f"{seal.LINE}: {seal.UNSEALED}",
        "command": remake.command(plan, pool) if remake else None,
        "macros": macros,
        "macro_width": max(len(f"{layer.name}_{macro.name}") for macro in macros),
        "contract": _caller_contract(plan, pool),
    }


def header_macros(plan: Plan, pool: Pool | None) -> tuple[Macro, ...]:
    """Return the numbers the header promises: sizes, shapes, and what int8 values stand for."""
    layer = plan.layer
    g = layer.geometry
    none = "" if plan.workspace_bytes else " /* pass NULL */"
    return (
        _size("INPUT_BYTES", layer.input_bytes),
        _size("OUTPUT_BYTES", layer.output_bytes),
        *(_pool_macros(layer, pool) if pool else ()),
        _size("WORKSPACE_BYTES", plan.workspace_bytes, none),
        _size("WORKSPACE_ALIGN", plan.workspace_align),
        *_shape_macros("INPUT", g.in_h, g.in_w, g.in_c),
        *_shape_macros("OUTPUT", g.out_h, g.out_w, g.out_c),
        *_number_macros(layer),
    )


def _size(name: str, value: int, note: str = "") -> Macro:
    return Macro(name=name, value=f"{value}u", note=note)


def _pool_macros(layer: Conv2d, pool: Pool) -> tuple[Macro, ...]:
    return (
        _size("POOL_BYTES", pool.bytes),
        _size("POOL_ALIGN", layer.elem_bytes),
        _size("INPUT_OFFSET", pool.input_offset),
        _size("OUTPUT_OFFSET", pool.output_offset),
    )


def _shape_macros(tensor: str, height: int, width: int, channels: int) -> tuple[Macro, ...]:
    sizes = {"HEIGHT": height, "WIDTH": width, "CHANNELS": channels}
    return tuple(_size(f"{tensor}_{axis}", size) for axis, size in sizes.items())


def _number_macros(layer: Conv2d) -> tuple[Macro, ...]:
    """Return scales, where they are known, and zero points of an int8 layer."""
    q = layer.quantization
    if q is None:
        return ()
    tensors = (("INPUT", q.in_scale, q.in_zero_point), ("OUTPUT", q.out_scale, q.out_zero_point))
    return tuple(
        macro
        for tensor, scale, zero_point in tensors
        for macro in (
            *(() if scale is None else (Macro(name=f"{tensor}_SCALE", value=floating(scale)),)),
            Macro(name=f"{tensor}_ZERO_POINT", value=operand(zero_point)),
        )
    )


def _description(plan: Plan) -> list[str]:
    layer = plan.layer
    g = layer.geometry
    rows = [
        ("Layer", f"conv2d, {layer.dtype}, {g.macs:,} MACs"),
        ("Input", _tensor(g.in_h, g.in_w, g.in_c, layer.input_bytes) + _input_numbers(layer)),
        ("Output", _tensor(g.out_h, g.out_w, g.out_c, layer.output_bytes) + _output_numbers(layer)),
        ("Kernel", f"{g.k_h} x {g.k_w}, stride {g.stride_h} x {g.stride_w}, "
                   f"dilation {g.dilation_h} x {g.dilation_w}, groups {g.groups}"),
        ("Padding", f"{g.pad_top} top, {g.pad_left} left, {g.pad_bottom} bottom, "
                    f"{g.pad_right} right" if g.has_padding else "none"),
        ("Activation", _activation(layer)),
        ("Algorithm", f"{plan.algorithm}: {plan.summary}"),
        ("Workspace", _workspace(plan)),
        ("Constants", f"{plan.constant_bytes:,} bytes"),
    ]  # fmt: skip
    if plan.requantized:
        shifts = "two's complement, and >> of negative integers is arithmetic"
        rows.append(("Quantised", f"{plan.requantized}; {shifts}"))
    if layer.synthetic:
        rows.append(("Numbers", SYNTHETIC))
    rows += [("Note", note) for note in plan.notes]
    return [f"{layer.name}: convolution layer", "", *_table(rows)]


def _table(rows: list[tuple[str, str]]) -> list[str]:
    return [f"{label:<10} {text}" for label, text in rows]


def _inside(plan: Plan, target: Target) -> list[str]:
    """Return what concerns readers and compilers of the source alone."""
    name = plan.layer.name
    rows = [("Algorithm", plan.algorithm), ("Sums", plan.kernel.description)]
    if plan.assembly:
        rows.append(("Assembly", plan.assembly.description))
    if target.has("mve"):
        rows.append(("Compiler", NO_IF_CONVERSION))
    if plan.layer.synthetic:
        rows.append(("Numbers", SYNTHETIC))
    return [f"{name}: convolution layer; {name}.h says of what sizes", "", *_table(rows)]


def _tensor(height: int, width: int, channels: int, size: int) -> str:
    return f"{height} x {width} x {channels} (height x width x channels), {size:,} bytes"


def _input_numbers(layer: Conv2d) -> str:
    q = layer.quantization
    return _numbers(q.in_scale, q.in_zero_point) if q else ""


def _output_numbers(layer: Conv2d) -> str:
    q = layer.quantization
    return _numbers(q.out_scale, q.out_zero_point) if q else ""


def _numbers(scale: float | None, zero_point: int) -> str:
    return (
        f", scale {floating(scale).removesuffix('f')}" if scale else ""
    ) + f", zero point {zero_point}"


def _activation(layer: Conv2d) -> str:
    low, high = layer.activation_min, layer.activation_max
    if layer.dtype == "int8" or (layer.clamps_low and layer.clamps_high):
        return f"{layer.activation}: outputs from {low:g} to {high:g}"
    return f"{layer.activation}: outputs of at least {low:g}" if layer.clamps_low else "none"


def _workspace(plan: Plan) -> str:
    if not plan.workspace:
        return "none"
    buffers = (
        f"{buffer.declared}" + "".join(f"[{size}]" for size in buffer.shape)
        for buffer in plan.workspace
    )
    return f"{plan.workspace_bytes:,} bytes: {', '.join(buffers)}"


def _decisions(plan: Plan, pool: Pool | None) -> list[str]:
    shared = [_shared(plan, pool)] if pool else []
    return [*plan.decisions, *shared, f"Printed from templates/{plan.template}."]


def _shared(plan: Plan, pool: Pool) -> str:
    layer = plan.layer
    apart = layer.input_bytes + layer.output_bytes
    places = "Input and output begin together"
    if pool.input_offset:
        places = f"The input begins {pool.input_offset:,} bytes above the output"
    elif pool.output_offset:
        places = f"The output begins {pool.output_offset:,} bytes above the input"
    backwards = ", the last outputs first" if plan.order.reverse else ""
    instead = f" instead of {apart:,}" if pool.bytes < apart else ""
    swap = plan.order.swap
    kept = f" `{swap.name}` keeps pixels for which outputs come too early." if swap else ""
    return f"{places} in one pool{backwards}: {pool.bytes:,} bytes{instead}.{kept}"


def _caller_contract(plan: Plan, pool: Pool | None) -> list[str]:
    prefix, name = macro(plan.layer.name), plan.layer.name
    contents = "stays as the init function left it" if plan.has_init else "need not be kept"
    workspace = (
        f"`workspace` is scratch memory of {prefix}_WORKSPACE_BYTES, aligned to "
        f"{prefix}_WORKSPACE_ALIGN; between calls it {contents}."
        if plan.workspace_bytes
        else "No workspace is needed: pass NULL."
    )
    if pool is None:
        tensors = "Computes the layer from `input` to `output`, NHWC, batch 1."
    else:
        tensors = (
            f"`pool` is memory of {prefix}_POOL_BYTES, aligned to {prefix}_POOL_ALIGN. Put the "
            f"input at {prefix}_INPUT_OFFSET bytes from its start; after the call the output "
            f"stands at {prefix}_OUTPUT_OFFSET, and the input is overwritten."
        )
    first = (
        [
            f"Call {name}_init once before {name}, with the same {'pool' if pool else 'input'} "
            "and workspace; again when either moves."
        ]
        if plan.has_init
        else []
    )
    changes = (
        ["`input` is changed during the call, and restored."]
        if plan.writes_input and pool is None
        else []
    )
    example = ["", *_example(plan)] if pool else []
    reentrant = "Reentrant: no variables of its own, no heap."
    return [tensors, *first, *changes, workspace, reentrant, *example]


def _example(plan: Plan) -> list[str]:
    """Return how a caller uses a pool."""
    prefix, name, elem = macro(plan.layer.name), plan.layer.name, ctype(plan.layer.dtype)
    per_elem = "" if plan.layer.elem_bytes == 1 else f" / sizeof({elem})"
    align = plan.workspace_align
    buffers = [f"static {elem} pool[{prefix}_POOL_BYTES{per_elem}];"]
    if plan.workspace_bytes:
        words = f"({prefix}_WORKSPACE_BYTES + {align - 1}) / {align}"
        buffers.append(f"static uint{8 * align}_t workspace[{words}];")
    arguments = f"pool, {'workspace' if plan.workspace_bytes else 'NULL'}"
    calls = [
        f"read_input(pool + {prefix}_INPUT_OFFSET{per_elem});",
        *([f"{name}_init({arguments});"] if plan.has_init else []),
        f"{name}({arguments});",
        f"use_output(pool + {prefix}_OUTPUT_OFFSET{per_elem});",
    ]
    return [f"    {line}" for line in (*buffers, "", *calls)]
