"""The plan of one algorithm that can do an operator."""

from __future__ import annotations

from convgen.model.operator import Operator
from convgen.plans import registry
from convgen.plans.plan import Plan
from convgen.targets.target import Target


def planned(algorithm: str, operator: Operator, target: Target) -> Plan:
    """Return how *algorithm* does *operator*, which it can."""
    [(_, answer)] = registry.plans(operator, target, {algorithm})
    assert isinstance(answer, Plan), f"{algorithm}: {answer}"
    return answer
