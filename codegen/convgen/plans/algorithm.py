"""What an algorithm is."""

from __future__ import annotations

from typing import Protocol, TypeVar

from convgen.plans.plan import Plan
from convgen.refusal import Refusal
from convgen.targets.target import Target

Subject = TypeVar("Subject", contravariant=True)


class Algorithm(Protocol[Subject]):
    """One way to compute operators of a kind: a variant of a family.

    It takes the operator, or what holds the operator and what its algorithms find out about it.
    """

    @property
    def name(self) -> str:
        """Its id in the command line and the report."""
        ...

    @property
    def family(self) -> str:
        """The id it shares with its variants."""
        ...

    @property
    def summary(self) -> str:
        """One line for ``--list-algorithms``."""
        ...

    def plan(self, subject: Subject, /, target: Target) -> Plan | Refusal:
        """Return how it does *subject* on *target*, or a sentence that says why it cannot."""
        ...
