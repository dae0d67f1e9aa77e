"""What a bench builds and runs: a layer by one algorithm, or a network by a schedule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from convgen.bench.build.layout import Call
from convgen.model.operator import Computation
from convgen.schedule.overlap import Pool
from convgen.schedule.select import Candidate
from convgen.sources.generate import layer_files, source_names
from convgen.sources.remake import Remake
from convgen.targets.target import Target

if TYPE_CHECKING:
    from convgen.schedule.network import Schedule

USUAL_ALIGN = 16  # of memory from malloc, and of TensorFlow Lite Micro's arena

Subject: TypeAlias = "Candidate | Schedule"
"""What can be printed, built and run."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Program:
    """Generated C, and how it is called.

    ``label`` tells it from others of the same layer or network; ``computes`` is what outputs are
    compared with. ``instructions`` are predicted, of one call.
    """

    label: str
    subject: Subject
    computes: Computation
    files: Mapping[str, str]
    call: Call
    instructions: int
    ram_without_stack: int
    constant_bytes: int


def program(
    subject: Subject,
    target: Target,
    remake: Remake | None = None,
    *,
    strict: bool = False,
) -> Program:
    """Print *subject*. *strict*: its buffers are aligned no better than its header asks for."""
    if not isinstance(subject, Candidate):
        return _network(subject, target, remake, strict=strict)
    plan = subject.plan
    return Program(
        label=subject.label,
        subject=subject,
        computes=subject.computes,
        files=layer_files(plan, target, subject.pool, remake),
        call=describe(subject, strict=strict),
        instructions=subject.instructions,
        ram_without_stack=subject.ram_without_stack,
        constant_bytes=subject.constant_bytes,
    )


def describe(candidate: Candidate, *, strict: bool) -> Call:
    """Return what the harness must know of a layer's function."""
    plan, operator = candidate.plan, candidate.plan.operator
    return Call(
        name=operator.name,
        sources=source_names(operator.name),
        inputs=tuple(tensor.bytes for tensor in operator.inputs),
        outputs=tuple(tensor.bytes for tensor in operator.outputs),
        workspace_bytes=plan.workspace_bytes,
        workspace_align=plan.workspace_align if strict else USUAL_ALIGN,
        tensor_align=operator.outputs[0].elem_bytes if strict else USUAL_ALIGN,
        pool=candidate.pool,
        has_init=plan.has_init,
        writes_input=plan.writes_input,
    )


def _network(schedule: Schedule, target: Target, remake: Remake | None, *, strict: bool) -> Program:
    from convgen.sources.network import network_files

    graph, arena = schedule.graph, schedule.arena
    held = [0 if schedule.rows_fed else arena.offset(tensor.name) for tensor in graph.inputs]
    input_offset, *more_inputs = held
    output_offset, *more_outputs = (arena.offset(tensor.name) for tensor in graph.outputs)
    call = Call(
        name=graph.name,
        sources=source_names(graph.name),
        inputs=tuple(tensor.bytes for tensor in graph.inputs),
        outputs=tuple(tensor.bytes for tensor in graph.outputs),
        tensor_align=arena.align if strict else USUAL_ALIGN,
        has_init=bool(graph.states),
        state_bytes=schedule.state_bytes,
        rows=schedule.rows_fed,
        rows_used=schedule.rows_used,
        row_align=graph.inputs[0].elem_bytes if strict else USUAL_ALIGN,
        pool=Pool(
            bytes=arena.bytes,
            input_offset=input_offset,
            output_offset=output_offset,
            more_input_offsets=tuple(more_inputs),
            more_output_offsets=tuple(more_outputs),
        ),
    )
    return Program(
        label=schedule.label,
        subject=schedule,
        computes=schedule.computes,
        files=network_files(schedule, target, remake),
        call=call,
        instructions=schedule.instructions,
        ram_without_stack=schedule.ram_without_stack,
        constant_bytes=schedule.constant_bytes,
    )
