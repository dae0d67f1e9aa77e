"""Selections, and trials with made-up measurements."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import minimal
from convgen.bench.build.layout import Call, Layout
from convgen.bench.build.toolchain import Image, Objects
from convgen.bench.code.sizes import Sizes
from convgen.bench.program import program
from convgen.bench.proof.comparison import Comparison
from convgen.bench.run.emulator import Run
from convgen.bench.trial import Built, Trial
from convgen.choices import Goal
from convgen.plans.buffers import Buffer, buffer
from convgen.schedule.select import Budget, Candidate, Selection, overlapping, survey, undemanding
from convgen.targets import target

NOWHERE = Image(
    call=Call(name="stem", sources=(), inputs=(1,), outputs=(1,)),
    layout=Layout(zones=(), arena_bytes=0, align=1, static_bytes=0),
    objects=Objects(folder=Path(), layer=(), firmware=()),
    elf=Path(),
)
RIGHT = Comparison(mismatches=0, max_abs_error=0, first=None)


def select(
    fields: dict[str, Any],
    *,
    ram: int = 2**20,
    flash: int = 2**20,
    goal: Goal = "workspace",
    overlap: bool = False,
) -> Selection:
    """Return what could do the layer of a spec on a Cortex-M4."""
    layer = minimal.load(fields)
    apart, rejected = survey(layer, target.load("cortex-m4"), overlap=False)
    candidates = tuple(map(overlapping, apart)) if overlap else apart
    return Selection(
        goal=goal,
        budget=Budget(ram=ram, flash=flash),
        candidates=candidates,
        wanted=undemanding(candidates),
        rejected=rejected,
        apart=undemanding(apart) if overlap else (),
    )


def bytes_of(count: int) -> Buffer:
    """Return a buffer of so many bytes."""
    return buffer("some", "int8", count)


def built(candidate: Candidate, *, stack: int | None, code: int = 1000) -> Built:
    """Return *candidate* as if it had been built; *stack* is the compiler's bound."""
    return Built(
        program=program(candidate, target.load("cortex-m4")),
        image=NOWHERE,
        sizes=Sizes(
            code_bytes=code,
            constant_bytes=candidate.plan.constant_bytes,
            library_bytes=0,
            stack_bound_bytes=stack,
        ),
        static=0,
    )


def tried(
    candidate: Candidate,
    *,
    instructions: int | None = None,
    stack: int = 100,
    code: int = 1000,
    constants: int | None = None,
    right: bool = True,
) -> Trial:
    """Return a trial of *candidate*; its constants are those of its plan unless given."""
    constant_bytes = candidate.plan.constant_bytes if constants is None else constants
    counted = None if instructions is None else (instructions,)
    return Trial(
        program=program(candidate, target.load("cortex-m4")),
        image=NOWHERE,
        sizes=Sizes(
            code_bytes=code,
            constant_bytes=constant_bytes,
            library_bytes=0,
            stack_bound_bytes=stack,
        ),
        static=0,
        run=Run(outputs=b"", instructions=counted, stack_bytes=stack, heap_bytes=0),
        comparison=RIGHT,
        failure=None if right else "wrong",
        vectors=1,
        compared_with="reference",
    )
