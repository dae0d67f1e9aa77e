"""What a caller sees of the generated function: its macros, and what it asks and promises."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from convgen.ctext.literals import ctype, floating, macro, operand
from convgen.model.operator import Operator, kept, only_read, only_written, widest
from convgen.model.tensor import Tensor, numbered
from convgen.plans.band import Band, InputSlices
from convgen.plans.plan import Plan
from convgen.refusal import counted
from convgen.schedule.overlap import Pool

AXES = ("HEIGHT", "WIDTH", "CHANNELS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Macro:
    """A number in the header: ``<LAYER>_<name>``, its value in C, and a comment or nothing."""

    name: str
    value: str
    note: str = ""


def header_macros(plan: Plan, pool: Pool | None) -> tuple[Macro, ...]:
    """Return the numbers the header promises: sizes, shapes, and what int8 values stand for."""
    tensors = (*plan.operator.inputs, *plan.operator.outputs)
    none = "" if plan.workspace_bytes else " /* pass NULL */"
    return (
        *(size_macro(f"{macro(tensor.name)}_BYTES", tensor.bytes) for tensor in tensors),
        *(_pool_macros(plan.operator, pool) if pool else ()),
        size_macro("WORKSPACE_BYTES", plan.workspace_bytes, none),
        size_macro("WORKSPACE_ALIGN", plan.workspace_align),
        *(each for tensor in tensors for each in shape_macros(tensor.name, tensor)),
        *(each for tensor in tensors for each in number_macros(tensor.name, tensor)),
    )


def size_macro(name: str, value: int, note: str = "") -> Macro:
    """Return a size or an offset as the header promises it."""
    return Macro(name=name, value=f"{value}u", note=note)


def promised(prefix: str, macros: Sequence[Macro]) -> tuple[Macro, ...]:
    """Return *macros* as they are defined: with *prefix*, and values below each other."""
    width = max(len(each.name) for each in macros)
    return tuple(replace(each, name=f"{prefix}_{each.name:<{width}}") for each in macros)


def _pool_macros(operator: Operator, pool: Pool) -> tuple[Macro, ...]:
    return (
        size_macro("POOL_BYTES", pool.bytes),
        size_macro("POOL_ALIGN", widest(operator).elem_bytes),
        *(
            size_macro(f"{macro(tensor.name)}_OFFSET", offset)
            for tensor, offset in zip(operator.inputs, pool.input_offsets, strict=True)
        ),
        size_macro("OUTPUT_OFFSET", pool.output_offset),
    )


def shape_macros(name: str, tensor: Tensor) -> tuple[Macro, ...]:
    """Return the sides of *tensor*, which the header calls *name*."""
    rank = len(tensor.shape)
    axes = AXES if rank == len(AXES) else numbered("DIMENSION", rank)
    return tuple(
        size_macro(f"{macro(name)}_{axis}", size)
        for axis, size in zip(axes, tensor.shape, strict=True)
    )


def number_macros(name: str, tensor: Tensor) -> tuple[Macro, ...]:
    """Return the scale, where it is known, and the zero point of a quantised tensor."""
    if not tensor.arithmetic.is_exact:
        return ()
    name, scale = macro(name), tensor.scale
    return (
        *(() if scale is None else (Macro(name=f"{name}_SCALE", value=floating(scale)),)),
        Macro(name=f"{name}_ZERO_POINT", value=operand(tensor.zero_point)),
    )


def parameters(plan: Plan, pool: Pool | None, *, takes_workspace: bool = True) -> tuple[str, ...]:
    """Return what the function of *plan* takes, as C declares it."""
    workspace = ("void *workspace",) if takes_workspace else ()
    if pool is not None:
        return "void *pool", *workspace
    return (*(declared for _, declared in _inputs(plan)), *_outputs(plan), *workspace)


def rows_parameters(plan: Plan) -> tuple[str, ...]:
    """Return what the function for a band of rows takes."""
    inputs = ((declared, f"int32_t {name}_row") for name, declared in _inputs(plan))
    outputs = (*_outputs(plan), "void *workspace")
    return (*chain.from_iterable(inputs), *outputs, "int32_t first", "int32_t last")


def _inputs(plan: Plan) -> Iterable[tuple[str, str]]:
    """Return the name of each input and how it is declared."""
    const, inputs = "" if plan.writes_input else "const ", only_read(plan.operator)
    return [
        (name, f"{const}{ctype(tensor.dtype)} *{name}")
        for name, tensor in zip(numbered("input", len(inputs)), inputs, strict=True)
    ]


def _outputs(plan: Plan) -> Iterable[str]:
    """Return how outputs are declared, and behind them states."""
    outputs, states = only_written(plan.operator), kept(plan.operator)
    names = (*numbered("output", len(outputs)), *numbered("state", len(states)))
    return [
        f"{ctype(tensor.dtype)} *{name}"
        for name, tensor in zip(names, (*outputs, *states), strict=True)
    ]


def caller_contract(plan: Plan, pool: Pool | None) -> list[str]:
    """Return what the function needs and does, in sentences, and for a pool how it is called."""
    prefix, name = macro(plan.operator.name), plan.operator.name
    contents = "stays as the init function left it" if plan.has_init else "need not be kept"
    workspace = (
        f"`workspace` is scratch memory of {prefix}_WORKSPACE_BYTES, aligned to "
        f"{prefix}_WORKSPACE_ALIGN; between calls it {contents}."
        if plan.workspace_bytes
        else "No workspace is needed: pass NULL."
    )
    first = (
        [
            f"Call {name}_init once before {name}, with the same {'pool' if pool else 'input'} "
            "and workspace; again when either moves."
        ]
        if plan.has_init
        else []
    )
    tensors = _in_pool(plan.operator) if pool else _apart(plan)
    example = ["", *_example(plan)] if pool else []
    reentrant = "Reentrant: no variables of its own, no heap."
    return [*tensors[:1], *first, *tensors[1:], workspace, reentrant, *example]


def rows_contract(plan: Plan, band: Band) -> list[str]:
    """Return what the function for a band of rows needs and does."""
    if band.accumulates:
        return _slices_contract(plan, band.accumulates)
    whole = caller_contract(plan, None)
    names = [f"`{tensor.name}`" for tensor in plan.operator.inputs]
    rows = [f"{name[:-1]}_row`" for name in names]
    starts = "" if band.step == 1 else f", a multiple of {band.step},"
    end = "" if band.step == 1 else ", which is another or behind the last row"
    computes = (
        f"Computes output rows `first`{starts} to `last` - 1{end}. At {_and(names)} lies row "
        f"{_and(rows)} of the image, and behind it at least the rows that are read; at `output` "
        "row `first` is stored. Bands may come in any order."
    )
    return [computes, *whole[1:]]


def _slices_contract(plan: Plan, slices: InputSlices) -> list[str]:
    """Return what the function that takes its input in slices needs and does."""
    prefix = macro(plan.operator.name)
    return [
        f"Takes rows `first` to `last` - 1, at least one, of {slices.rows:,} of the input, each "
        f"{counted(slices.row_elems, 'element')}. At `input` lies row `input_row`, and behind it "
        "at least the rows that are read. Rows come in order, each once: row 0 begins, and the "
        "call with the last of them writes the whole `output`.",
        f"`workspace` is memory of {prefix}_WORKSPACE_BYTES, aligned to {prefix}_WORKSPACE_ALIGN, "
        "that holds the sums: it is left alone from the first row to the last.",
        "Reentrant: no variables of its own, no heap.",
    ]


def _apart(plan: Plan) -> list[str]:
    names = [f"`{tensor.name}`" for tensor in plan.operator.inputs]
    computes = f"Computes the layer from {_and(names)} to `output`, NHWC, batch 1."
    if plan.is_elementwise:
        return [computes, f"`output` may be {_and(names, 'or')}."]
    changes = ["`input` is changed during the call, and restored."] if plan.writes_input else []
    return [computes, *changes]


def _in_pool(operator: Operator) -> list[str]:
    prefix = macro(operator.name)
    several = len(operator.inputs) > 1
    offsets = [f"{prefix}_{macro(tensor.name)}_OFFSET" for tensor in operator.inputs]
    inputs, are = ("inputs", "are") if several else ("input", "is")
    return [
        f"`pool` is memory of {prefix}_POOL_BYTES, aligned to {prefix}_POOL_ALIGN. Put the "
        f"{inputs} at {_and(offsets)} bytes from its start; after the call the output "
        f"stands at {prefix}_OUTPUT_OFFSET, and the {inputs} {are} overwritten."
    ]


def _and(words: Sequence[str], word: str = "and") -> str:
    """Join a few *words*.

    >>> _and(["a"]), _and(["a", "b"], "or")
    ('a', 'a or b')
    """
    return f" {word} ".join(words)


def _example(plan: Plan) -> Iterable[str]:
    """Return how a caller uses a pool."""
    operator = plan.operator
    prefix, name, elem = macro(operator.name), operator.name, ctype(widest(operator).dtype)
    per_elem = "" if widest(operator).elem_bytes == 1 else f" / sizeof({elem})"
    align = plan.workspace_align
    buffers = [f"static {elem} pool[{prefix}_POOL_BYTES{per_elem}];"]
    if plan.workspace_bytes:
        words = f"({prefix}_WORKSPACE_BYTES + {align - 1}) / {align}"
        buffers.append(f"static uint{8 * align}_t workspace[{words}];")
    arguments = f"pool, {'workspace' if plan.workspace_bytes else 'NULL'}"
    calls = [
        *(
            f"read_{tensor.name}(pool + {prefix}_{macro(tensor.name)}_OFFSET{per_elem});"
            for tensor in operator.inputs
        ),
        *([f"{name}_init({arguments});"] if plan.has_init else []),
        f"{name}({arguments});",
        f"use_output(pool + {prefix}_OUTPUT_OFFSET{per_elem});",
    ]
    return [f"    {line}" for line in (*buffers, "", *calls)]
