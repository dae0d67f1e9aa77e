"""A plan as C: the files a firmware engineer takes, and the words in their header comments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from convgen.cliteral import ctype
from convgen.layout import Pool
from convgen.plan import Plan
from convgen.render import render_text
from convgen.target import Target

SYNTHETIC = "SYNTHETIC: weights, bias and scales are made up from a seed, not trained"


@dataclass(frozen=True, slots=True, kw_only=True)
class Macro:
    """A size in the header: ``<LAYER>_<name>``, its value, and a comment or nothing."""

    name: str
    value: int
    note: str = ""


def layer_files(plan: Plan, target: Target, pool: Pool | None) -> dict[str, str]:
    """Print the layer: ``{file name: text}`` of its header, source and constants."""
    name = plan.layer.name
    context = _context(plan, target, pool)
    return {
        f"{name}.h": render_text("layer.h.j2", **context),
        f"{name}.c": render_text(plan.template, **context),
        f"{name}_weights.h": render_text("weights.h.j2", **context),
        f"{name}_weights.c": render_text("weights.c.j2", **context),
    }


def source_names(plan: Plan) -> tuple[str, ...]:
    """Return the files of the layer that are compiled."""
    return (f"{plan.layer.name}.c", f"{plan.layer.name}_weights.c")


def _context(plan: Plan, target: Target, pool: Pool | None) -> dict[str, Any]:
    layer = plan.layer
    macros = size_macros(plan, pool)
    description = _description(plan)
    return {
        "plan": plan,
        "layer": layer,
        "geometry": layer.geometry,
        "kernel": plan.kernel,
        "steps": plan.steps,
        "requantize": plan.requantize,
        "name": layer.name,
        "elem": "int8_t" if layer.dtype == "int8" else "float",
        "sum": "int32_t" if layer.dtype == "int8" else "float",
        "pool": pool,
        "target": target,
        "description": description,
        "description_and_decisions": [*description, "", *_decisions(plan)],
        "constants_title": [
            f"{layer.name}: constants",
            *((SYNTHETIC,) if layer.synthetic else ()),
        ],
        "macros": macros,
        "macro_width": max(len(f"{layer.name}_{macro.name}") for macro in macros),
        "contract": _caller_contract(plan, pool),
    }


def size_macros(plan: Plan, pool: Pool | None) -> tuple[Macro, ...]:
    """Return the sizes the header promises."""
    layer = plan.layer
    pool_macros = (
        (
            Macro(name="POOL_BYTES", value=pool.bytes),
            Macro(name="INPUT_OFFSET", value=pool.input_offset),
            Macro(name="OUTPUT_OFFSET", value=pool.output_offset),
        )
        if pool
        else ()
    )
    return (
        Macro(name="INPUT_BYTES", value=layer.input_bytes),
        Macro(name="OUTPUT_BYTES", value=layer.output_bytes),
        *pool_macros,
        Macro(
            name="WORKSPACE_BYTES",
            value=plan.workspace_bytes,
            note="" if plan.workspace_bytes else " /* pass NULL */",
        ),
        Macro(name="WORKSPACE_ALIGN", value=plan.workspace_align),
    )


def _description(plan: Plan) -> list[str]:
    layer = plan.layer
    g = layer.geometry
    workspace = ", ".join(
        f"{ctype(buffer.dtype)} {buffer.name}" + "".join(f"[{size}]" for size in buffer.shape)
        for buffer in plan.workspace
    )
    rows = [
        ("Layer", f"conv2d, {layer.dtype}, {layer.activation} activation, {g.macs:,} MACs"),
        ("Input", f"{g.in_h} x {g.in_w} x {g.in_c} (height x width x channels), "
                  f"{layer.input_bytes:,} bytes"),
        ("Output", f"{g.out_h} x {g.out_w} x {g.out_c}, {layer.output_bytes:,} bytes"),
        ("Kernel", f"{g.k_h} x {g.k_w}, stride {g.stride_h} x {g.stride_w}, "
                   f"dilation {g.dilation_h} x {g.dilation_w}, groups {g.groups}"),
        ("Padding", f"{g.pad_top} top, {g.pad_left} left, {g.pad_bottom} bottom, "
                    f"{g.pad_right} right" if g.has_padding else "none"),
        ("Algorithm", f"{plan.algorithm}: {plan.summary}"),
        ("Sums", plan.kernel.description),
        ("Workspace", f"{plan.workspace_bytes:,} bytes: {workspace}" if workspace else "none"),
        ("Constants", f"{plan.constant_bytes:,} bytes"),
    ]  # fmt: skip
    if plan.requantize:
        rows.append(("Quantised", f"input zero point {layer.zero_point}, folded into the bias; "
                                  f"{plan.requantize.description}"))  # fmt: skip
    if layer.synthetic:
        rows.append(("Numbers", SYNTHETIC))
    return [f"{layer.name}: convolution layer", "",
            *(f"{label:<10} {text}" for label, text in rows)]  # fmt: skip


def _decisions(plan: Plan) -> list[str]:
    return [*plan.decisions, f"Printed from templates/{plan.template}."]


def _caller_contract(plan: Plan, pool: Pool | None) -> list[str]:
    align = "" if plan.layer.dtype == "int8" else " (float-aligned)"
    workspace = (
        f"`workspace` is scratch memory of WORKSPACE_BYTES, aligned to {plan.workspace_align}; "
        "its contents need not be kept between calls."
        if plan.workspace_bytes
        else "No workspace is needed: pass NULL."
    )
    if pool is None:
        tensors = f"Computes the layer from `input` to `output`{align}, NHWC, batch 1."
    else:
        tensors = (
            f"Put the input at `pool + INPUT_OFFSET`{align}; after the call the output stands at "
            "`pool + OUTPUT_OFFSET` and the input is gone."
        )
    return [tensors, workspace, "Reentrant: no static data, no heap."]
