"""The words of the comments in the files of a network."""

from __future__ import annotations

from collections.abc import Sequence

from convgen.ctext.literals import floating, macro
from convgen.model.operator import Operator
from convgen.model.tensor import Tensor
from convgen.schedule.arena import Place
from convgen.schedule.network import Schedule
from convgen.sources import words

Rows = Sequence[tuple[str, ...]]


def description(schedule: Schedule) -> list[str]:
    """Return what callers of the network may want to know."""
    graph, arena = schedule.graph, schedule.arena
    rows = [
        ("Network", f"{_count(len(graph.operators))}, {graph.macs:,} MACs"),
        *(("Input", _tensor(tensor)) for tensor in graph.inputs),
        *(("Output", _tensor(tensor)) for tensor in graph.outputs),
        ("Arena", f"{arena.bytes:,} bytes"),
        ("Constants", f"{schedule.constant_bytes:,} bytes"),
    ]
    operators = [
        (str(number), one.name, plan.algorithm, _shapes(one))
        for number, (one, plan) in enumerate(zip(graph.operators, schedule.plans, strict=True))
    ]
    return [f"{graph.name}: a neural network", "", *_table(rows), "", *_table(operators)]


def inside(schedule: Schedule) -> list[str]:
    """Return what concerns readers of the source alone."""
    name = schedule.graph.name
    return [
        f"{name}: a neural network; {name}.h says of what sizes",
        "",
        "A function for each operator, in the order in which they run, and one that calls them.",
        "Where an operator's input is not needed afterwards, its output may overlap it: as far as",
        "the order allows in which it reads and stores.",
        *([] if not schedule.fused else _STAGES),
        *(_STRIPS if schedule.over_strips else []),
    ]


_STAGES = (
    "",
    "Operators of a stage go row by row: NAME_next goes on with one if what it reads is there; of",
    "several that could, the last does. Rings between them hold the rows that are needed yet, and",
    "move them to the beginning when full.",
)


_STRIPS = (
    "",
    "A stage over strips makes all rows of some columns, then of the next ones. What its operators",
    "need beyond the edges of a strip is made twice; columns outside of the image are padding.",
)


def operator(schedule: Schedule, number: int) -> list[str]:
    """Return what an operator is and how it is done."""
    plan, strips = schedule.plans[number], schedule.strips_of(number)
    one = plan.operator
    by_strips = f", {strips.count} strips" if strips else ""
    rows = [
        ("Operator", f"{one.title}, {_shapes(one)}{_window(one)}{by_strips}"),
        ("Algorithm", f"{plan.algorithm}: {plan.summary}"),
        ("Sums", plan.kernel.description),
        *([("Quantised", plan.output.description)] if plan.output.description else []),
        *(("Note", note) for note in plan.notes),
    ]
    return [one.name, "", *_table(rows), *(["", *plan.decisions] if plan.decisions else [])]


def contract(schedule: Schedule) -> list[str]:
    """Return what the function needs and does, and how it is called."""
    prefix = macro(schedule.graph.name)
    inputs = "the inputs at their offsets" if len(schedule.graph.inputs) > 1 else "the input at"
    where = "" if len(schedule.graph.inputs) > 1 else f" {prefix}_INPUT_OFFSET"
    kept = "Nothing need be kept between calls."
    if schedule.graph.states:
        kept = (
            f"Call {schedule.graph.name}_init once before the first call, and again to begin anew; "
            f"{prefix}_STATE_BYTES from {prefix}_STATE_OFFSET on must be kept between calls."
        )
    if schedule.rows_fed:
        return [
            f"`arena` is memory of {prefix}_ARENA_BYTES, aligned to {prefix}_ARENA_ALIGN. Call "
            f"{schedule.graph.name}_begin, then {schedule.graph.name}_push_row with each of "
            f"the {schedule.rows_fed} rows of {prefix}_ROW_BYTES: it copies what it needs. When it "
            f"returns 1 the output stands at its offset; rows after that are ignored until another "
            f"{schedule.graph.name}_begin. {kept}",
            "Reentrant: no variables of its own, no heap.",
        ]
    return [
        f"`arena` is memory of {prefix}_ARENA_BYTES, aligned to {prefix}_ARENA_ALIGN. Put "
        f"{inputs}{where} bytes from its start; after the call the output stands at its offset, "
        f"and all else is overwritten. {kept}",
        "Reentrant: no variables of its own, no heap.",
    ]


def place(place: Place, schedule: Schedule) -> str:
    """Return of what size a block in the arena is, and which operators need it."""
    block, names = place.block, [plan.operator.name for plan in schedule.plans]
    last = min(block.last, len(names) - 1)
    span = names[block.first] if block.first == last else f"{names[block.first]} to {names[last]}"
    return f"{block.bytes:,} bytes, {span}"


def _count(operators: int) -> str:
    return "1 operator" if operators == 1 else f"{operators} operators"


def _shapes(one: Operator) -> str:
    inputs = ", ".join(map(_sides, one.inputs))
    return f"{inputs} to {', '.join(map(_sides, one.outputs))}"


def _sides(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape))


def _tensor(tensor: Tensor) -> str:
    scale = f", scale {floating(tensor.scale).removesuffix('f')}" if tensor.scale else ""
    numbers = f"{scale}, zero point {tensor.zero_point}" if tensor.arithmetic.is_exact else ""
    return f"{_sides(tensor)} {tensor.dtype}, {tensor.bytes:,} bytes{numbers}"


def _window(one: Operator) -> str:
    found = words.window(one)
    if found is None:
        return ""
    kernel, stride = (f"{height}x{width}" for height, width in found)
    return f", kernel {kernel}, stride {stride}"


def _table(rows: Rows) -> list[str]:
    """Return *rows* with their columns aligned, but for the last."""
    columns = list(zip(*rows, strict=True))
    widths = [max(map(len, column)) for column in columns[:-1]]
    return ["  ".join([*map(str.ljust, row, widths), row[-1]]).rstrip() for row in rows]
