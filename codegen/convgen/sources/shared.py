"""The header of several layers and networks: memory that one of them after the other may use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from convgen.ctext.literals import macro
from convgen.model.operator import widest
from convgen.schedule.select import Candidate
from convgen.sources.interface import Macro, promised, size_macro
from convgen.sources.render import render_text
from convgen.system import seal
from convgen.system.publishing import SHARED

if TYPE_CHECKING:
    from convgen.schedule.network import Schedule

INFIX = "_SHARED"
_FOR_ALL = ("workspace", "arena")
"""What one buffer may be for all; a pool is handed over beside a workspace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scratch:
    """Memory of the caller's: ``what`` the header calls it, and how large it must be.

    ``kept``: what it holds after a call is needed in the next.
    """

    what: str
    bytes: int
    align: int
    kept: bool = False


def scratch_of(subject: Candidate | Schedule) -> tuple[Scratch, ...]:
    """Return what a layer or a network must be given beside its input and output."""
    if not isinstance(subject, Candidate):
        arena, kept = subject.arena, bool(subject.graph.states)
        return (Scratch(what="arena", bytes=arena.bytes, align=arena.align, kept=kept),)
    plan, pool = subject.plan, subject.pool
    workspace = Scratch(
        what="workspace",
        bytes=plan.workspace_bytes,
        align=plan.workspace_align,
        kept=plan.has_init,
    )
    if pool is None:
        return (workspace,)
    align = widest(plan.operator).elem_bytes
    return workspace, Scratch(what="pool", bytes=pool.bytes, align=align)


def header_name(name: str) -> str:
    """Return the header's name, where *name* is what several are called."""
    return f"{name}{SHARED}"


def shared_header(
    name: str, parts: Mapping[str, Sequence[Scratch]], told: Sequence[Mapping[str, str]]
) -> str:
    """Print the header of *parts*, by their names; *told* are digests that its comment has."""
    lent = [(part, each) for part, needs in parts.items() for each in needs if not each.kept]
    keeping = [part for part, needs in parts.items() if any(each.kept for each in needs)]
    prefix = f"{macro(name)}{INFIX}"
    text = render_text(
        "shared.h.j2",
        name=name,
        header=header_name(name),
        prefix=prefix,
        parts=parts,
        contract=list(_contract(prefix, keeping)),
        lent=[(part, macro(each.what)) for part, each in lent],
        macros=promised(prefix, _macros(lent)),
        seal=f"{seal.LINE}: {seal.UNSEALED}",
        told=seal.lines(told),
    )
    return seal.sealed(text)


def _macros(lent: Sequence[tuple[str, Scratch]]) -> list[Macro]:
    kinds = {"workspace": ("workspace",), "pool": ("pool",), "arena": ("arena",), "": _FOR_ALL}
    found = []
    for kind, counted in kinds.items():
        of_kind = [each for _, each in lent if each.what in counted]
        if kind == "pool" and not of_kind:
            continue
        begin = f"{macro(kind)}_" if kind else ""
        most = max((each.bytes for each in of_kind), default=0)
        align = max((each.align for each in of_kind), default=1)
        found += [size_macro(f"{begin}BYTES", most), size_macro(f"{begin}ALIGN", align)]
    return found


def _contract(prefix: str, keeping: Sequence[str]) -> Iterator[str]:
    yield (
        f"One buffer of {prefix}_BYTES, aligned to {prefix}_ALIGN, serves as workspace of each "
        "layer and as arena of each model, one call after the other. In an arena are input and "
        "output of the model too: take out what is needed before another call."
    )
    for part in keeping:
        yield f"{part} finds there what its last call left: it needs memory of its own."
