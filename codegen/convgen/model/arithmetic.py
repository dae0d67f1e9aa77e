"""What the numbers of a dtype are, and what is computed of them: one object, which all ask.

A further dtype is an object here, beside what operators do in an arithmetic of their own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

DType = Literal["int8", "uint8", "int16", "float32"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arithmetic:
    """The numbers of one dtype, from ``least`` to ``most``.

    ``is_exact``: they stand for others by a scale and a zero point, and outputs are compared byte
    for byte. Other dtypes by name: ``wider`` holds what a few elements add up to, as in a
    transformed tile; ``sums`` what products add up to, and a bias; ``modular`` sums of products of
    wider elements, which may wrap. The reference adds in ``reference``.
    """

    dtype: DType
    is_exact: bool
    least: float
    most: float
    wider: str
    sums: str
    modular: str
    reference: type[np.int64 | np.float64]

    @property
    def is_byte(self) -> bool:
        """Whether an element is a byte, so that tables and proofs may go through all of them."""
        return np.dtype(self.dtype).itemsize == 1

    def value(self, number: float) -> float:
        """Return *number* as what it is in Python: an int, or a float."""
        return int(number) if self.is_exact else float(number)

    def outputs(self, exact: NDArray[Any]) -> NDArray[Any]:
        """Return *exact* results as outputs of the reference.

        Works element by element, in any shape.
        """
        return exact.astype(self.output)

    @property
    def output(self) -> str:
        """The dtype of the reference's outputs: those of float32 stay unrounded."""
        return self.dtype if self.is_exact else "float64"

    @property
    def bottom(self) -> float:
        """What no sum of the reference is below."""
        return np.iinfo(np.int64).min if self.is_exact else -math.inf


def _integers(dtype: Literal["int8", "uint8", "int16"], wider: str) -> Arithmetic:
    limits = np.iinfo(dtype)
    return Arithmetic(
        dtype=dtype,
        is_exact=True,
        least=int(limits.min),
        most=int(limits.max),
        wider=wider,
        sums="int32",
        modular="uint32",
        reference=np.int64,
    )


FLOAT32 = Arithmetic(
    dtype="float32",
    is_exact=False,
    least=-math.inf,
    most=math.inf,
    wider="float32",
    sums="float32",
    modular="float32",
    reference=np.float64,
)
ALL = {
    each.dtype: each
    for each in (
        _integers("int8", wider="int16"),
        _integers("uint8", wider="int16"),
        _integers("int16", wider="int32"),
        FLOAT32,
    )
}


def of_dtype(dtype: DType) -> Arithmetic:
    """Return the one of *dtype*."""
    return ALL[dtype]
