"""A layer as calls that each make, or take, a band of rows, with only the input that they need."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from convgen.ctext.literals import ctype
from convgen.model.operator import rows_needed
from convgen.model.tensor import Tensor, numbered
from convgen.plans.band import Band, InputSlices
from convgen.plans.plan import Plan
from convgen.sources.generate import layer_files
from convgen.sources.interface import parameters
from convgen.targets.target import Target

MOST_CALLS = 40
GUARD = 61  # elements before and behind the rows of a call, so that they begin at an odd place

HEAP = """
#include <stdlib.h>
#define BLOCK(elem, name, elems) elem *name = calloc((elems) + 1, sizeof *name) /* 0 too */
#define FIRST(name, elems) ((name) + 1)
#define CHECK(name, elems) 0
#define RELEASE(name) free(name)
"""
"""Rows are a block of the heap, from behind its first element on: a sanitizer watches its end."""

STATIC = f"""
#define BLOCK(elem, name, elems) \\
    static elem name[{GUARD} + (elems) + {GUARD}]; \\
    (void)memset(name, 0x5A, sizeof name)
#define FIRST(name, elems) ((name) + {GUARD})
#define CHECK(name, elems) \\
    (is_changed(name, {GUARD} * sizeof *name) \\
     || is_changed((name) + {GUARD} + (elems), {GUARD} * sizeof *name))
#define RELEASE(name) (void)0
"""
"""They are in an array, between guards that no call may write to and whose values are wrong."""

COMMON = """
#include <string.h>

static inline int is_changed(const void *guard, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (((const unsigned char *)guard)[i] != 0x5A) return 1;
    }
    return 0;
}
"""

CALL = """
    {{
        {blocks}
        {copies}
        {name}_rows({arguments}workspace, {first}, {last});
        if ({check}) return;
        {result}
        {releases}
    }}"""


def named(plan: Plan, name: str) -> Plan:
    """Return *plan* for its operator under another name."""
    operator: Any = plan.operator
    return replace(plan, operator=replace(operator, name=name))


def split(plan: Plan, rng: random.Random) -> tuple[range, ...]:
    """Cut the rows at random, or as fine as can be; bands in any order that they may come in."""
    assert isinstance(plan.band, Band)
    if plan.band.accumulates:
        return _slices(plan.band.accumulates, rng)
    rows = plan.operator.outputs[0].shape[0]
    places = list(range(plan.band.step, rows, plan.band.step))
    cuts = places if rng.random() < 0.3 else sorted(rng.sample(places, rng.randint(0, len(places))))
    found = [range(*ends) for ends in zip([0, *cuts], [*cuts, rows], strict=True)]
    order = rng.choice(["forwards", "backwards", "mixed"])
    if order == "mixed":
        rng.shuffle(found)
    return tuple(reversed(found) if order == "backwards" else found)


def _slices(slices: InputSlices, rng: random.Random) -> tuple[range, ...]:
    """Cut the rows of an input at random, or as fine as can be if they are few."""
    places = range(1, slices.rows)
    is_fine = slices.rows <= MOST_CALLS and rng.random() < 0.3
    cuts = places if is_fine else sorted(rng.sample(places, rng.randint(0, min(len(places), 5))))
    return tuple(range(*ends) for ends in pairwise([0, *cuts, slices.rows]))


def files(plan: Plan, target: Target, bands: Sequence[range], *, in_heap: bool) -> dict[str, str]:
    """Return the files of a layer whose function makes one band after the other."""
    name, texts = plan.operator.name, layer_files(plan, target, None, by_rows=True)
    prototype = f"void {name}({', '.join(parameters(plan, None))})"
    calls = "".join(_call(plan, band) for band in bands)
    guarded = f"#ifndef BLOCK\n{COMMON}{HEAP if in_heap else STATIC}#endif\n"
    texts[f"{name}.c"] += f"\n{guarded}\n{prototype}\n{{{calls}\n}}\n"
    included = "#include <stdint.h>\n"
    texts[f"{name}.h"] = texts[f"{name}.h"].replace(included, f"{included}\n{prototype};\n")
    return texts


def _call(plan: Plan, band: range) -> str:
    assert isinstance(plan.band, Band)
    operator, slices = plan.operator, plan.band.accumulates
    needed = band if slices else rows_needed(operator, band.start, band.stop)
    names = numbered("input", len(operator.inputs))
    given = [
        _Part(name, tensor, needed, slices.row_elems if slices else tensor.row_elems)
        for name, tensor in zip(names, operator.inputs, strict=True)
    ]
    output = operator.outputs[0]
    written = range(output.shape[0]) if slices else band
    made = _Part("output", output, written, output.row_elems)
    is_made = slices is None or band.stop == slices.rows
    parts = [*given, made]
    return CALL.format(
        blocks=" ".join(part.block for part in parts),
        copies=" ".join(
            f"(void)memcpy({part.first}, {part.name} + {part.at}, {part.bytes});" for part in given
        ),
        name=operator.name,
        arguments="".join(f"{part.first}, {needed.start}, " for part in given) + f"{made.first}, ",
        first=band.start,
        last=band.stop,
        check=f"CHECK(output_rows, {made.elems})",
        result=f"(void)memcpy(output + {made.at}, {made.first}, {made.bytes});" if is_made else "",
        releases=" ".join(f"RELEASE({part.name}_rows);" for part in parts),
    )


@dataclass(frozen=True)
class _Part:
    """Some rows of a tensor, which are a block of their own."""

    name: str
    tensor: Tensor
    rows: range
    row_elems: int

    @property
    def elems(self) -> int:
        return self.row_elems * len(self.rows)

    @property
    def bytes(self) -> int:
        return self.elems * self.tensor.elem_bytes

    @property
    def at(self) -> int:
        """The first of their elements in the tensor."""
        return self.row_elems * self.rows.start

    @property
    def block(self) -> str:
        return f"BLOCK({ctype(self.tensor.dtype)}, {self.name}_rows, {self.elems});"

    @property
    def first(self) -> str:
        return f"FIRST({self.name}_rows, {self.elems})"
