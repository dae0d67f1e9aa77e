"""Which algorithm does a layer: every candidate with its needs, and the order of preference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from convgen.choices import Goal
from convgen.errors import UsageError
from convgen.model.operator import Operator, tensor_bytes
from convgen.plans import registry
from convgen.plans.plan import Plan
from convgen.plans.study import Study
from convgen.refusal import Refusal
from convgen.schedule.cost import CostModel, cost_model
from convgen.schedule.overlap import Pool, share, side_by_side
from convgen.targets.target import Target

SAME_BYTES = 64
"""Scratch memory that makes no difference: then the fewest instructions decide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Bytes of RAM for tensors, workspace, stack and static data; of flash for code and data."""

    ram: int
    flash: int

    def holds(self, ram: int, flash: int) -> bool:
        """Whether so many bytes are within it."""
        return ram <= self.ram and flash <= self.flash


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rejected:
    """An algorithm that cannot do the layer, and the sentence that says why."""

    algorithm: str
    family: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidate:
    """An algorithm that can do the layer.

    ``stack``, ``least_stack`` (which hardly any build takes less than), ``code`` and
    ``instructions`` are predictions.
    """

    plan: Plan
    pool: Pool | None
    stack: int
    code: int
    instructions: int
    least_stack: int = 0

    @property
    def algorithm(self) -> str:
        """Its id."""
        return self.plan.algorithm

    @property
    def algorithms(self) -> tuple[str]:
        """Which algorithm does each operator."""
        return (self.algorithm,)

    @property
    def computes(self) -> Operator:
        """What outputs are compared with."""
        return self.plan.operator

    @property
    def label(self) -> str:
        """What tells it from others."""
        return self.algorithm

    @property
    def constant_bytes(self) -> int:
        """Bytes of its constants."""
        return self.plan.constant_bytes

    @property
    def asks(self) -> str | None:
        """What it asks of the caller beside memory, in words; None where it asks nothing."""
        if self.plan.has_init:
            return f"call {self.plan.operator.name}_init before, and keep the workspace"
        if self.plan.writes_input and self.pool is None:
            return "the input must be writable: it is changed meanwhile, and restored"
        if self.plan.rounds_coarsely:
            return "tolerate coarser rounding where outputs near large values are small"
        return None

    @property
    def tensors(self) -> int:
        """Bytes of input and output, or of the pool they share."""
        return self.pool.bytes if self.pool else tensor_bytes(self.plan.operator)

    @property
    def ram_without_stack(self) -> int:
        """Bytes of RAM that are known exactly before anything is built."""
        return self.tensors + self.plan.workspace_bytes

    @property
    def least_ram(self) -> int:
        """Bytes of RAM in all that it hardly needs less than."""
        return self.ram_without_stack + self.least_stack

    @property
    def ram(self) -> int:
        """Predicted bytes of RAM in all."""
        return self.ram_without_stack + self.stack

    @property
    def flash(self) -> int:
        """Predicted bytes of flash."""
        return self.plan.constant_bytes + self.code

    def fits(self, budget: Budget) -> bool:
        """Whether the prediction is within *budget*."""
        return budget.holds(self.ram, self.flash)


def overlapping(candidate: Candidate) -> Candidate:
    """Return *candidate* with input and output in one pool, in the order that suits it best."""
    plan, pool = share(candidate.plan)
    return replace(candidate, plan=plan, pool=pool)


def apart_in_pool(candidate: Candidate) -> Candidate:
    """Return *candidate*, whose tensors are apart, with these side by side in one pool."""
    return replace(candidate, pool=side_by_side(candidate.plan.operator))


_ORDER: dict[Goal, Callable[[Candidate], tuple[int, ...]]] = {
    "workspace": lambda c: (c.ram, c.instructions),
    "speed": lambda c: (c.instructions, c.ram_without_stack),
    "flash": lambda c: (c.flash, c.ram_without_stack, c.instructions),
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Selection:
    """What could do a layer, most wanted first, and what could not.

    ``wanted`` are the candidates to choose from: those that the user names, or all that ask
    nothing of the caller but memory. ``apart`` are, where input and output share a pool, those
    that would be wanted if they did not.
    """

    goal: Goal
    budget: Budget
    candidates: tuple[Candidate, ...]
    wanted: tuple[Candidate, ...]
    rejected: tuple[Rejected, ...]
    apart: tuple[Candidate, ...] = ()

    @property
    def overlaps(self) -> bool:
        """Whether input and output share a pool."""
        return any(candidate.pool for candidate in self.candidates)

    @property
    def hopeful(self) -> tuple[Candidate, ...]:
        """What is wanted and not over the budget by what is known before anything is built."""
        return tuple(
            c for c in self.wanted if self.budget.holds(c.ram_without_stack, c.plan.constant_bytes)
        )

    def spares(self, candidate: Candidate) -> bool:
        """Whether the goal ``workspace`` may choose *candidate*."""
        least = min((c.ram for c in self.wanted), default=0)
        return candidate.ram_without_stack <= least + SAME_BYTES

    def including(self, candidate: Candidate) -> Selection:
        """Return the selection with *candidate* for its algorithm: the other is not wanted."""

        def settled(among: Sequence[Candidate]) -> tuple[Candidate, ...]:
            return tuple(candidate if c.algorithm == candidate.algorithm else c for c in among)

        return replace(self, candidates=settled(self.candidates), wanted=settled(self.wanted))


def by_name(
    operator: Operator, target: Target, algorithm: str, like: Study | None
) -> Candidate | None:
    """Return how *algorithm* does *operator*, None if it cannot; *like* as `registry.by_name`."""
    plan = registry.by_name(operator, target, algorithm, like)
    return _candidate(plan, cost_model(operator, target)) if plan else None


def survey(
    operator: Operator, target: Target, *, overlap: bool
) -> tuple[tuple[Candidate, ...], tuple[Rejected, ...]]:
    """Ask every algorithm; return what can do *operator* and what cannot, in the list's order."""
    cost = cost_model(operator, target)
    candidates, rejected = [], []
    for algorithm, answer in registry.plans(operator, target):
        if isinstance(answer, Refusal):
            rejected.append(
                Rejected(algorithm=algorithm.name, family=algorithm.family, reason=answer.reason)
            )
        else:
            candidate = _candidate(answer, cost)
            candidates.append(overlapping(candidate) if overlap else candidate)
    return tuple(candidates), tuple(rejected)


def accumulating(operator: Operator, target: Target, calls: int = 1) -> Candidate | Refusal:
    """Return what takes the input of *operator* in slices, in so many *calls*, or why nothing does.

    It is for the end of a stage of a network, where that input comes row by row.
    """
    plan = registry.accumulating(operator, target, calls)
    return plan if isinstance(plan, Refusal) else _candidate(plan, cost_model(operator, target))


def _candidate(plan: Plan, cost: CostModel) -> Candidate:
    return Candidate(
        plan=plan,
        pool=None,
        stack=cost.stack(plan.algorithm),
        least_stack=cost.least_stack(plan),
        code=cost.code(plan.algorithm),
        instructions=cost.predict(plan),
    )


def idle(operator: Operator) -> Candidate:
    """Return the candidate for *operator* where all bytes are where they should be."""
    from convgen.plans.move import in_place  # of networks only

    return Candidate(plan=in_place(operator), pool=None, stack=0, code=0, instructions=0)


def preference(candidates: Sequence[Candidate], goal: Goal) -> tuple[Candidate, ...]:
    """Return *candidates*, the most wanted first; equals keep the list's order."""
    return tuple(sorted(candidates, key=_ORDER[goal]))


def best_overlapping(candidates: Sequence[Candidate], goal: Goal) -> Candidate:
    """Return which of *candidates* is the most wanted if input and output overlap."""
    return preference([overlapping(candidate) for candidate in candidates], goal)[0]


def undemanding(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Keep those that ask nothing of the caller but memory: the others must be named."""
    return tuple(c for c in candidates if c.asks is None)


def named(
    name: str, candidates: Sequence[Candidate], rejected: Sequence[Rejected]
) -> tuple[Candidate, ...]:
    """Keep the algorithm or family *name*; an error says why when it cannot do the layer.

    Raises UsageError.
    """
    check_name(name)
    exact = tuple(c for c in candidates if name == c.algorithm)
    family = tuple(c for c in candidates if name == c.plan.family)
    chosen = exact or undemanding(family) or family
    if not chosen:
        reasons = [
            f"{r.algorithm}: {r.reason}" for r in rejected if name in (r.algorithm, r.family)
        ]
        raise UsageError("--algorithm: cannot do this layer: " + "; ".join(reasons))
    return chosen


def check_name(name: str) -> None:
    """Refuse what is neither an algorithm nor a family. Raises UsageError."""
    every = registry.every()
    names = list(dict.fromkeys([*(a.family for a in every), *(a.name for a in every)]))
    if name in names:
        return
    close = get_close_matches(name, names, n=1)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    raise UsageError(f"--algorithm: expected one of {', '.join(names)}, got {name!r}{hint}")
