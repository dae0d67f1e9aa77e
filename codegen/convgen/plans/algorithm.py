"""What an algorithm is."""

from __future__ import annotations

from typing import Protocol, TypeVar

from convgen.plans.plan import Plan, Variant
from convgen.refusal import Refusal
from convgen.targets.target import Target

Subject = TypeVar("Subject", contravariant=True)


class Algorithm(Variant, Protocol[Subject]):
    """One way to compute operators of a kind: a variant of a family.

    It takes the operator, or what holds the operator and what its algorithms find out about it.
    """

    def plan(self, subject: Subject, /, target: Target) -> Plan | Refusal:
        """Return how it does *subject* on *target*, or a sentence that says why it cannot."""
        ...


class Accumulating(Variant, Protocol[Subject]):
    """A way to take the input of an operator in slices, keeping sums."""

    def plan(self, subject: Subject, /, target: Target, calls: int) -> Plan | Refusal:
        """Return how it does *subject* in so many *calls*, or a sentence that says why not."""
        ...
