"""Arrays in flash."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Constant:
    """An array in flash; ``comment`` says what it holds and in which order."""

    name: str
    values: NDArray[Any]
    comment: str
