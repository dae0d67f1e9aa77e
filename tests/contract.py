"""The keys and types that the report keeps, as docs/reference.md promises them."""

from __future__ import annotations

from typing import Any

NUMBER = (int, float)
REPORT = {
    "convgen": str, "layer": str, "target": str, "dtype": str, "algorithm": str, "optimize": str,
    "synthetic_weights": bool, "verified": bool, "vectors": int, "mismatches": int,
    "max_abs_error": NUMBER, "macs": int, "instructions": int, "instructions_per_mac": NUMBER,
    "memory": {
        "input": int, "output": int, "workspace": int, "stack": int, "heap": int, "static": int,
        "total": int,
    },
    "flash": {"code": int, "constants": int, "total": int},
    "budget": {"ram": int, "flash": int},
    "candidates": [{
        "algorithm": str, "applicable": bool, "fits": bool, "workspace": int, "ram": int,
        "flash_constants": int, "predicted_instructions": int,
    }],
    "emulator": {"kind": str, "machine": str, "version": str},
    "toolchain": {"compiler": str, "flags": [str]},
}  # fmt: skip
MEASURED = {
    "instructions": int, "stack": int, "flash_code": int, "flash_constants": int, "verified": bool,
}  # fmt: skip


def applicable(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the candidates that can do the layer; of the others only the reason is told."""
    return [row for row in report["candidates"] if row["applicable"]]


def missing(value: Any, wanted: Any, place: str = "report") -> list[str]:
    """Return the places where *value* lacks what *wanted* has, or has another type."""
    if isinstance(wanted, dict):
        return [
            problem
            for key, inner in wanted.items()
            for problem in missing(value.get(key), inner, f"{place}.{key}")
        ]
    if isinstance(wanted, list):
        return [problem for item in value for problem in missing(item, wanted[0], f"{place}[]")]
    is_right = isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool))
    return [] if is_right else [f"{place}: {value!r}"]
