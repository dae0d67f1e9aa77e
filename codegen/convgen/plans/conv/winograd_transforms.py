"""The transforms of Winograd in channel pairs as C: sums of words of two channels.

They are `convgen.plans.winograd_forms` with fewer operations: what several results have in common
is computed once, and multiples are shifts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from convgen.plans.winograd_forms import F2, F4, WinogradForm

Combine = Callable[[str, str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transform:
    """Of one column or row: a statement to ``start`` with, or none, and its ``results``."""

    start: str = ""
    results: tuple[str, ...]


WEIGHTS: dict[WinogradForm, Transform] = {
    F2: Transform(
        start="const uint32_t s = g0 + g2;",
        results=("g0 << 1", "s + g1", "s - g1", "g2 << 1"),
    ),
    F4: Transform(
        start="const uint32_t s = g0 + g2, t = g0 + (g2 << 2);",
        results=(
            "6u * g0",
            "0u - ((s + g1) << 2)",
            "(g1 - s) << 2",
            "t + (g1 << 1)",
            "t - (g1 << 1)",
            "12u * g2",
        ),
    ),
}
"""``G`` of g0, g1 and g2."""

OUTPUTS: dict[WinogradForm, Transform] = {
    F2: Transform(results=("m0 + m1 + m2", "m1 - m2 - m3")),
    F4: Transform(
        start="const uint32_t a = m1 + m2, b = m1 - m2, c = m3 + m4, d = m3 - m4;",
        results=("m0 + a + c", "b + (d << 1)", "a + (c << 2)", "b + (d << 3) + (m5 << 1)"),
    ),
}
"""``A^T`` of m0, m1 and so on."""


def of_pixels(form: WinogradForm, subtract: Combine, add: Combine) -> Transform:
    """Return ``B^T`` of d0, d1 and so on; for F(2x2) by what subtracts and adds halves of words."""
    if form is F2:
        return Transform(
            results=(
                subtract("d0", "d2"),
                add("d1", "d2"),
                subtract("d2", "d1"),
                subtract("d1", "d3"),
            )
        )
    return Transform(
        start="const uint32_t a = d4 - (d2 << 2), c = d4 - d2, e = (d3 - d1) << 1, "
        "sum = a + d3 - (d1 << 2);",
        results=(
            "((d0 - d2) << 2) + c",
            "sum",
            "(a << 1) - sum",
            "c + e",
            "c - e",
            "d5 - d3 - (e << 1)",
        ),
    )
