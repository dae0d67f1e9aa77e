"""Which algorithms there are for each operator: adding an operator is a module and a line here."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Any

from convgen.model.operator import Operator
from convgen.model.ops.conv2d import Conv2d
from convgen.plans.algorithm import Accumulating, Algorithm
from convgen.plans.plan import Plan
from convgen.plans.study import Study
from convgen.refusal import Refusal
from convgen.targets.target import Target

OF_KIND: Mapping[str, tuple[str, str]] = {
    "Conv2d": ("conv", "ALGORITHMS"),
    "Add": ("add", "VARIANTS"),
    "Elementwise": ("arithmetic", "VARIANTS"),
    "Prelu": ("arithmetic", "RECTIFYING"),
    "Pool2d": ("pool", "VARIANTS"),
    "Mean": ("mean", "VARIANTS"),
    "Softmax": ("softmax", "VARIANTS"),
    "LogSoftmax": ("softmax", "LOGARITHM"),
    "WideSoftmax": ("wide_softmax", "VARIANTS"),
    "Table": ("table", "VARIANTS"),
    "Pointwise": ("pointwise", "VARIANTS"),
    "Pad": ("move", "PADDING"),
    "Slice": ("move", "GATHERING"),
    "Transpose": ("move", "GATHERING"),
    "Copy": ("move", "GATHERING"),
    "Concatenation": ("move", "JOINING"),
    "TransposedConv2d": ("transposed", "VARIANTS"),
    "ResizeNearest": ("resize", "NEAREST"),
    "ResizeBilinear": ("resize", "BILINEAR"),
    "Quantize": ("convert", "TO_BYTES"),
    "Dequantize": ("convert", "FROM_BYTES"),
    "DynamicQuantize": ("convert", "TO_STEPS"),
    "Svdf": ("svdf", "VARIANTS"),
    "FixedLstm": ("lstm", "VARIANTS"),
    "FloatLstm": ("lstm", "OF_FLOATS"),
}
"""By the class of the operator: the module here that has its algorithms, and which of them. A
module is loaded when the first operator of its kind is met."""

ACCUMULATING: Mapping[str, tuple[str, str]] = {
    "Pool2d": ("accumulating.means", "POOLING"),
    "Mean": ("accumulating.means", "MEAN"),
    "Conv2d": ("accumulating.connected", "CONNECTED"),
}
"""The same of what takes its input in slices: one algorithm each."""


@cache
def _listed(kind: str) -> tuple[Algorithm[Any], ...]:
    found: tuple[Algorithm[Any], ...] = _named(*OF_KIND[kind])
    return found


def _named(module: str, name: str) -> Any:
    return getattr(import_module(f"convgen.plans.{module}"), name)


def every() -> tuple[Algorithm[Any], ...]:
    """Return each once, in the order of ``--list-algorithms``."""
    return tuple(dict.fromkeys(algorithm for kind in OF_KIND for algorithm in _listed(kind)))


def algorithms(operator: Operator) -> tuple[Algorithm[Any], ...]:
    """Return those that may do *operator*; none for a kind that nothing here does."""
    kind = type(operator).__name__
    return _listed(kind) if kind in OF_KIND else ()


def plans(
    operator: Operator,
    target: Target,
    names: Container[str] | None = None,
    study: Study | None = None,
) -> Iterator[tuple[Algorithm[Any], Plan | Refusal]]:
    """Ask every algorithm for *operator*, or those of *names*, in the order of the list.

    What several of them find out about it, they find out once; and what others have for other
    targets, not again: of a convolution that is in a *study*.
    """
    subject = study or Study(operator) if isinstance(operator, Conv2d) else operator
    for algorithm in algorithms(operator):
        if names is None or algorithm.name in names:
            yield algorithm, algorithm.plan(subject, target)


def by_name(operator: Operator, target: Target, name: str, like: Study | None) -> Plan | None:
    """Return how the algorithm *name* does *operator*, None if it cannot.

    A convolution may be *like* one that was studied, but for its width.
    """
    subject = Study(operator, like) if isinstance(operator, Conv2d) else operator
    named = (algorithm for algorithm in algorithms(operator) if algorithm.name == name)
    answers = (algorithm.plan(subject, target) for algorithm in named)
    return next((answer for answer in answers if isinstance(answer, Plan)), None)


def able(
    operator: Operator,
    target: Target,
    names: Container[str] | None = None,
    study: Study | None = None,
) -> dict[str, Plan]:
    """Return the plans of those that can do *operator*, by the algorithms' names."""
    answers = plans(operator, target, names, study)
    return {algorithm.name: plan for algorithm, plan in answers if isinstance(plan, Plan)}


def accumulating(operator: Operator, target: Target, calls: int = 1) -> Plan | Refusal:
    """Ask what takes the input of *operator* in slices, of which so many *calls* are expected.

    The plan's band says how it is cut (`convgen.plans.band.Slices`).
    """
    from convgen.plans.accumulating import no_sums

    kind = type(operator).__name__
    if kind not in ACCUMULATING:
        return no_sums(operator)
    algorithm: Accumulating[Any] = _named(*ACCUMULATING[kind])
    return algorithm.plan(operator, target, calls)
