"""Where ``templates/``, ``targets/``, ``firmware/`` and ``cmake/`` are, in a wheel or checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_ROOTS = (_PACKAGE / "_data", _PACKAGE.parents[1])  # in a wheel, in a checkout


def data_dir(name: str) -> Path:
    """Return the directory that ships as *name*."""
    for root in _ROOTS:
        if (root / name).is_dir():
            return root / name
    raise FileNotFoundError(f"convgen's data directory {name!r} is missing; reinstall convgen")
