"""Stages that may run over strips of columns: the last resort, where whole rows would not fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from convgen.model.ops.conv2d import Conv2d
from convgen.plans.study import Study
from convgen.schedule.arena import aligned
from convgen.schedule.fusion import Fused, fused
from convgen.schedule.parts import Parts, rows_of
from convgen.schedule.select import Candidate, by_name
from convgen.schedule.stages import IMPOSSIBLE, STACK_OF_TURN, Cut, Cutter, Limits, Stage
from convgen.schedule.strips import narrowed, widths


class StripCutter(Cutter):
    """Cuts a network into stages of which those that would not fit may run over strips.

    Of these each takes strips as wide as fit, so that few columns are made twice.
    """

    def _need(self, cut: Cut, limits: Limits) -> int:
        need = super()._need(cut, limits)
        if need <= limits.arena < IMPOSSIBLE or not self._may_be_striped(cut):
            return need
        if cut not in self._played:
            return min(need, self._around_strips(cut))
        return min(need, self._need_over_narrowest(cut, limits.stack))

    def _stage(self, cut: Cut, limits: Limits) -> Stage | None:
        found = super()._stage(cut, limits)
        if found or not self._may_be_striped(cut):
            return found
        return next(self._striped(cut, limits), None)

    def _may_be_striped(self, cut: Cut) -> bool:
        """Whether all that a stage leaves behind is the image that its last operator makes."""
        if not self._is_fused(cut) or self._fed_at(cut):
            return False
        first, end = cut
        made = [t.name for op in self.graph.operators[first:end] for t in op.outputs]
        kept = [name for name in made if self.material.is_needed_after(name, end)]
        last = self.graph.operators[end - 1].outputs[0]
        return kept == [last.name] and rows_of(last) > 1

    def _around_strips(self, cut: Cut) -> int:
        """Return the bytes of what is there before or after a stage, which strips leave whole."""
        first, end = cut
        operators, tensors = self.graph.operators[first:end], self.graph.tensors
        made = {tensor.name for operator in operators for tensor in operator.outputs}
        given = {t.name for operator in operators for t in operator.inputs} - made
        around = {*given, operators[-1].outputs[0].name}
        return self._held.around(cut) + sum(aligned(tensors[name].bytes) for name in around)

    @cached_property
    def _studies(self) -> dict[int, Study]:
        """What is known of each convolution, however wide its strips."""
        operators = enumerate(self.graph.operators)
        return {number: Study(one) for number, one in operators if isinstance(one, Conv2d)}

    @cached_property
    def _tried(self) -> dict[tuple[Cut, int, tuple[str, ...]], Striped | None]:
        return {}

    def _striped(self, cut: Cut, limits: Limits) -> Iterator[Stage]:
        """Yield the stage over strips that fit, the widest first."""
        last = self.graph.operators[cut[1] - 1].outputs[0]
        for columns in widths(last.shape[1]):
            found = self._once(cut, columns, limits.stack)
            if found and self._at_least(cut, found.fusion) <= limits.arena:
                stage = self._as_stage(cut, found)
                if stage.need <= limits.arena and stage.stack <= limits.stack + STACK_OF_TURN:
                    yield stage

    def _need_over_narrowest(self, cut: Cut, stack: int) -> int:
        """Return the bytes of an arena for the narrowest strips."""
        last = self.graph.operators[cut[1] - 1].outputs[0]
        found = (self._once(cut, columns, stack) for columns in (*widths(last.shape[1]),)[::-1])
        narrowest = next(filter(None, found), None)
        return self._as_stage(cut, narrowest).need if narrowest else IMPOSSIBLE

    def _once(self, cut: Cut, columns: int, stack: int) -> Striped | None:
        """Return what `_over` does for the leanest algorithms, which are looked for once."""
        algorithms = tuple(one.algorithm for one in self._leanest(cut, stack))
        key = (cut, columns, algorithms)
        if key not in self._tried:
            self._tried[key] = self._over(cut, columns, algorithms)
        return self._tried[key]

    def _over(self, cut: Cut, columns: int, algorithms: Sequence[str]) -> Striped | None:
        """Return a stage over strips of *columns*, None where an algorithm cannot do one."""
        made = narrowed(self.graph, *cut, columns)
        if made is None:
            return None
        graph, strips = made
        numbered = enumerate(zip(graph.operators[slice(*cut)], algorithms, strict=True), cut[0])
        found = [
            by_name(operator, self._target, name, self._studies.get(number))
            for number, (operator, name) in numbered
        ]
        candidates = tuple(_times(one, strips.count) for one in found if one)
        if len(candidates) < len(algorithms):
            return None
        material, plans = Parts(graph, apart=True), [one.plan for one in candidates]
        by_rows = (material.part(n, plan).by_rows for n, plan in enumerate(plans, cut[0]))
        if not all(by_rows):
            return None
        given = [tensor for tensor in graph.inputs if tensor.name in strips.sources]
        fusion = fused(material, cut[0], plans, fed=given, strips=strips)
        return Striped(candidates=candidates, fusion=fusion)

    def _at_least(self, cut: Cut, fusion: Fused) -> int:
        """Return the bytes of an arena that no placement of a stage goes below."""
        sources = sum(block.room for block in fusion.around if block.what not in fusion.flow.times)
        return self._held.around(cut) + sources + fusion.least

    def _as_stage(self, cut: Cut, found: Striped) -> Stage:
        return Stage(
            candidates=found.candidates,
            need=self._held.around(cut) + found.fusion.alone.bytes,
            instructions=sum(one.instructions for one in found.candidates) + found.fusion.overhead,
            fusion=found.fusion,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Striped:
    """A stage over strips: what does its operators, and how its rows are kept."""

    candidates: tuple[Candidate, ...]
    fusion: Fused


def _times(one: Candidate, count: int) -> Candidate:
    """Return *one*, whose plan is that of a strip, with the instructions of all."""
    return replace(one, instructions=count * one.instructions)
