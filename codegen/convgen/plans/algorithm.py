"""What an algorithm is."""

from __future__ import annotations

from typing import Protocol, TypeVar

from convgen.plans.plan import Plan
from convgen.targets.target import Target

Kind = TypeVar("Kind", contravariant=True)


class Algorithm(Protocol[Kind]):
    """One way to compute operators of a kind: a variant of a family."""

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

    def reject(self, operator: Kind, /, target: Target) -> str | None:
        """Return a sentence that says why it cannot do *operator*, or None."""
        ...

    def plan(self, operator: Kind, /, target: Target) -> Plan:
        """Plan *operator*, which was not rejected."""
        ...
