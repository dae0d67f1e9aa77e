"""A schedule as C: one function that runs a network in one arena."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from typing import Any

from convgen.ctext.identifiers import INFIX, PARAMETERS, objection
from convgen.ctext.literals import ctype, macro, operand
from convgen.model.graph import Graph, State
from convgen.model.operator import kept, only_read, only_written
from convgen.model.tensor import Tensor, numbered
from convgen.plans import assembly
from convgen.plans.constant import Constant
from convgen.plans.kernels import instruction_set
from convgen.plans.plan import Plan
from convgen.schedule.arena import Place
from convgen.schedule.fusion import sums_name
from convgen.schedule.network import Schedule
from convgen.schedule.stages import workspace_name
from convgen.sources import network_words, shared_kernels
from convgen.sources.generate import (
    constants,
    file_names,
    operator_context,
    rows_context,
    rows_of,
)
from convgen.sources.interface import (
    Macro,
    number_macros,
    parameters,
    promised,
    shape_macros,
    size_macro,
)
from convgen.sources.network_rows import Pointer, StageText, by_rows, helpers, stage_text
from convgen.sources.remake import Remake
from convgen.sources.render import render_text
from convgen.sources.shared_kernels import KernelEntry, Printed, Shared
from convgen.system import seal
from convgen.targets.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorCall:
    """A call of an operator's function: its name, and the variables that are its arguments.

    In a function ``turn`` of its own, which has ``pointers`` to what these are, or among others. Or
    a stage of several operators.
    """

    function: str = ""
    arguments: tuple[str, ...] = ()
    turn: str | None = None
    pointers: tuple[Pointer, ...] = ()
    stage: StageText | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """What a state holds at first: one value, or an array in flash."""

    variable: str
    elems: int
    value: str


def network_files(
    schedule: Schedule, target: Target, remake: Remake | None = None
) -> dict[str, str]:
    """Print the network: ``{file name: text}`` of its header, source and constants."""
    operators = list(_operators(schedule, target))
    shared = (
        shared_kernels.share(operators, schedule.graph.name)
        if schedule.goal == "flash"
        else shared_kernels.apart(operators)
    )
    context = _context(schedule, target, remake, shared)
    templates = ("network.h.j2", "network.c.j2", "weights.h.j2", "weights.c.j2")
    texts = (seal.sealed(render_text(template, **context)) for template in templates)
    return dict(zip(file_names(schedule.graph.name), texts, strict=True))


def symbol(schedule: Schedule, plan: Plan) -> str:
    """Return the prefix of an operator's symbols."""
    return f"{schedule.graph.name}{INFIX}{plan.operator.name}"


def _context(
    schedule: Schedule, target: Target, remake: Remake | None, shared: Shared
) -> dict[str, Any]:
    graph, plans = schedule.graph, schedule.plans
    names = _variables(schedule)
    calls = list(_calls(schedule, names, shared.entries))
    used = {name for call in calls if not call.turn for name in call.arguments}
    stages = [call.stage for call in calls if call.stage]
    return {
        "name": graph.name,
        "target": target,
        "isa": instruction_set(target),
        "assembly": assembly.together([plan.assembly for plan in plans if plan.assembly]),
        "out_of_line": bool(stages)
        or any(schedule.out_of_line)
        or any(plan.kernel.out_of_line for plan in plans),
        "description": network_words.description(schedule),
        "inside": network_words.inside(schedule),
        "constants": [
            *(each for plan in plans for each in constants(plan, symbol(schedule, plan))),
            *_initial(graph),
        ],
        "constants_title": [f"{graph.name}: constants"],
        "seal": f"{seal.LINE}: {seal.UNSEALED}",
        "command": remake.network_command(schedule.goal) if remake else None,
        "macros": promised(macro(graph.name), network_macros(schedule)),
        "contract": network_words.contract(schedule),
        "pointers": _pointers(schedule, names, used),
        "states": [
            _pointer(place, names[place.block.what], schedule)
            for place in schedule.arena.all
            if place.block.what in {state.tensor.name for state in graph.states}
        ],
        "fills": [
            _fill(state, names, f"{graph.name}__initial_{number}")
            for number, state in enumerate(graph.states)
        ],
        "operators": shared.texts,
        "shares": shared.any,
        "calls": calls,
        "stages": stages,
        "helpers": helpers(stages),
        "input_type": ctype(graph.inputs[0].dtype),
        "feeding": next((c.stage for c in calls if c.stage and c.stage.feeding), None),
    }


def _operators(schedule: Schedule, target: Target) -> Iterator[Printed]:
    """Yield the text of each operator's functions and the comment above it."""
    some_rows = by_rows(schedule)
    for place, plan in enumerate(schedule.plans):
        if plan.is_idle:
            continue
        rows = place in some_rows
        context = operator_context(plan, target, symbol(schedule, plan)) | {
            "network": True,
            "pool": None,
            "takes_workspace": rows or bool(plan.workspace),
            **(rows_context(plan) if rows else _whole_context(plan)),
        }
        yield Printed(
            symbol=symbol(schedule, plan),
            comment=network_words.operator(schedule, place),
            text=render_text(plan.template, **context),
            constants=plan.constants,
        )


def _whole_context(plan: Plan) -> dict[str, Any]:
    takes_workspace = bool(plan.workspace)
    return {
        "by_rows": False,
        "rows": rows_of(plan),
        "parameters": parameters(plan, None, takes_workspace=takes_workspace),
    }


def network_macros(schedule: Schedule) -> tuple[Macro, ...]:
    """Return the numbers the header promises."""
    graph, rows = schedule.graph, schedule.rows_fed
    inputs, outputs = _named("input", graph.inputs), _named("output", graph.outputs)
    named = (*inputs, *outputs)
    placed = outputs if rows else named
    handed = [size_macro("ROW_BYTES", graph.inputs[0].bytes // rows)] if rows else []
    return (
        size_macro(
            "ARENA_BYTES", schedule.arena.bytes, " /* everything but stack and constants */"
        ),
        size_macro("ARENA_ALIGN", schedule.arena.align),
        *_state_macros(schedule),
        *handed,
        *(
            each
            for name, tensor in placed
            for each in (
                size_macro(f"{macro(name)}_BYTES", tensor.bytes),
                size_macro(f"{macro(name)}_OFFSET", schedule.arena.offset(tensor.name)),
            )
        ),
        *(each for name, tensor in named for each in shape_macros(name, tensor)),
        *(each for name, tensor in named for each in number_macros(name, tensor)),
    )


def _state_macros(schedule: Schedule) -> tuple[Macro, ...]:
    if not schedule.graph.states:
        return ()
    note = " /* kept between calls */"
    return size_macro("STATE_BYTES", schedule.state_bytes, note), size_macro("STATE_OFFSET", 0)


def _named(what: str, tensors: Sequence[Tensor]) -> list[tuple[str, Tensor]]:
    return list(zip(numbered(what, len(tensors)), tensors, strict=True))


def _pointer(place: Place, name: str, schedule: Schedule) -> Pointer:
    tensor = schedule.graph.tensors.get(place.block.what)
    return Pointer(
        declared=f"{ctype(tensor.dtype) if tensor else 'void'} *const {name}",
        offset=place.offset,
        comment=network_words.place(place, schedule),
    )


def _pointers(
    schedule: Schedule, names: Mapping[str, str], used: Container[str]
) -> tuple[Pointer, ...]:
    """Return pointers to places of the arena, of which *names* are the *used* variables."""
    return tuple(
        _pointer(place, names[place.block.what], schedule)
        for place in schedule.arena.all
        if place.block.bytes and names[place.block.what] in used
    )


def _variables(schedule: Schedule) -> dict[str, str]:
    """Return what each place in the arena is called: none as another is, none as C has it."""
    graph = schedule.graph
    wanted = {tensor.name: name for name, tensor in _named("input", graph.inputs)}
    wanted |= {state.tensor.name: f"state_{n}" for n, state in enumerate(graph.states)}
    for n, operator in enumerate(graph.operators):
        made = only_written(operator)
        outputs = zip(numbered(operator.name, len(made)), made, strict=True)
        wanted = {tensor.name: name for name, tensor in outputs} | wanted
        wanted[workspace_name(n)] = f"{operator.name}_workspace"
        wanted[sums_name(n)] = f"{operator.name}_sums"
    for stage in schedule.fused:
        wanted[stage.workspace_name] = f"workspace_{stage.first}"
        wanted[stage.counters_name] = f"rows_{stage.first}"
        if stage.strips:
            sources = stage.strips.sources.items()
            wanted |= {columns: f"{wanted[whole]}_columns" for columns, whole in sources}
    names: dict[str, str] = {}
    taken = {"arena", "memory", "at", "end", "fed", "row"}
    for place in schedule.arena.all:
        name = wanted[place.block.what]
        others = (f"{name}_{n}" for n in count(2))
        names[place.block.what] = next(
            each
            for each in chain([name], others)
            if each not in taken and (each in PARAMETERS or not objection(each))
        )
        taken.add(names[place.block.what])
    return names


def _fill(state: State, names: Mapping[str, str], table: str) -> Fill:
    first = state.initial.ravel()[0]
    value = operand(state.tensor.arithmetic.value(first))
    return Fill(
        variable=names[state.tensor.name],
        elems=state.tensor.elems,
        value=value if _is_uniform(state) else f"{table}[i]",
    )


def _is_uniform(state: State) -> bool:
    return bool((state.initial == state.initial.ravel()[0]).all())


def _initial(graph: Graph) -> Iterator[tuple[str, Constant]]:
    """Yield the states that do not begin with the same value everywhere."""
    for place, state in enumerate(graph.states):
        if not _is_uniform(state):
            name = f"initial_{place}"
            comment = f"what state {place} holds at first"
            constant = Constant(name=name, values=state.initial.ravel(), comment=comment)
            yield f"{graph.name}__{name}", constant


def _calls(
    schedule: Schedule, names: Mapping[str, str], entries: Mapping[str, KernelEntry]
) -> Iterator[OperatorCall]:
    """Yield a call for each operator, or for several that go row by row together."""
    fused = {fused.first: fused for fused in schedule.fused}
    for stage in schedule.stages:
        if stage.start in fused:
            yield OperatorCall(stage=stage_text(schedule, fused[stage.start], names, entries))
        elif not (plan := schedule.plans[stage.start]).is_idle:
            yield _call(schedule, stage.start, plan, names, entries[symbol(schedule, plan)])


def _call(
    schedule: Schedule, number: int, plan: Plan, names: Mapping[str, str], entry: KernelEntry
) -> OperatorCall:
    operator = plan.operator
    tensors = (*only_read(operator), *only_written(operator), *kept(operator))
    places = [tensor.name for tensor in tensors]
    places += [workspace_name(number)] if plan.workspace else []
    arguments = (*(names[place] for place in places), *entry.arguments)
    is_apart = schedule.out_of_line[number]
    return OperatorCall(
        function=entry.function,
        arguments=arguments,
        turn=f"{symbol(schedule, plan)}_turn" if is_apart else None,
        pointers=_pointers(schedule, names, arguments) if is_apart else (),
    )
