"""The matrices of Winograd's minimal filtering: F(2x2, 3x3) and F(4x4, 3x3).

Source: A. Lavin, S. Gray, "Fast Algorithms for Convolutional Neural Networks", arXiv 1509.09308.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from convgen.ctext.literals import floating
from convgen.model.arithmetic import of_dtype
from convgen.model.geometry import Geometry
from convgen.model.ops.conv2d import Conv2d


@dataclass(frozen=True, slots=True, kw_only=True)
class Summand:
    """One summand of a linear combination: sign, factor as C text ("" for 1), and of what."""

    negative: bool
    factor: str
    index: int


def terms(rows: Sequence[Sequence[float]]) -> tuple[tuple[Summand, ...], ...]:
    """Return each row without its noughts."""
    return tuple(
        tuple(
            Summand(negative=value < 0, factor=_factor(abs(value)), index=index)
            for index, value in enumerate(row)
            if value
        )
        for row in rows
    )


def _factor(value: float) -> str:
    if value == 1:
        return ""
    return str(value) if isinstance(value, int) else floating(value)


@dataclass(frozen=True, kw_only=True)
class WinogradForm:
    """F(m x m, 3 x 3): its matrices as rows, those of ``G`` scaled to integers by ``scale``.

    The scales are as equal as int16 allows for the transformed weights, at most 144 * 128, which
    leaves few factors to the output transform. ``inverse`` is that of the odd part of
    ``max(scale)**2`` modulo 2^32.
    """

    outputs: int
    inputs: tuple[tuple[int, ...], ...]
    kernel: tuple[tuple[int, ...], ...]
    scale: tuple[int, ...]
    out: tuple[tuple[int, ...], ...]
    shift: int
    inverse: int

    @property
    def size(self) -> int:
        """Rows and columns of a tile."""
        return self.outputs + 2

    @property
    def positions(self) -> int:
        """Elements of a tile."""
        return self.size**2

    @property
    def name(self) -> str:
        """``2x2`` or ``4x4``."""
        return f"{self.outputs}x{self.outputs}"

    @cached_property
    def input_terms(self) -> tuple[tuple[Summand, ...], ...]:
        """``B^T``."""
        return terms(self.inputs)

    def kernel_rows(self, layer: Conv2d) -> list[list[float]]:
        """Return ``G``: scaled for int8."""
        if of_dtype(layer.dtype).is_exact:
            return [list(row) for row in self.kernel]
        pairs = zip(self.kernel, self.scale, strict=True)
        return [[value / scale for value in row] for row, scale in pairs]

    def output_rows(self, layer: Conv2d) -> list[list[int]]:
        """Return ``A^T``: for int8 its columns make up for the scale."""
        scaled = of_dtype(layer.dtype).is_exact
        missing = [max(self.scale) // scale if scaled else 1 for scale in self.scale]
        return [[a * b for a, b in zip(row, missing, strict=True)] for row in self.out]


F2 = WinogradForm(
    outputs=2,
    inputs=((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1)),
    kernel=((2, 0, 0), (1, 1, 1), (1, -1, 1), (0, 0, 2)),
    scale=(2, 2, 2, 2),
    out=((1, 1, 1, 0), (0, 1, -1, -1)),
    shift=2,
    inverse=1,
)
F4 = WinogradForm(
    outputs=4,
    inputs=(
        (4, 0, -5, 0, 1, 0),
        (0, -4, -4, 1, 1, 0),
        (0, 4, -4, -1, 1, 0),
        (0, -2, -1, 2, 1, 0),
        (0, 2, -1, -2, 1, 0),
        (0, 4, 0, -5, 0, 1),
    ),
    kernel=((6, 0, 0), (-4, -4, -4), (-4, 4, -4), (1, 2, 4), (1, -2, 4), (0, 0, 12)),
    scale=(24, 24, 24, 24, 24, 12),
    out=((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1)),
    shift=6,
    inverse=pow(9, -1, 2**32),
)


def transform(layer: Conv2d, form: WinogradForm) -> NDArray[np.int16] | NDArray[np.float32]:
    """Return ``G g G^T`` of every kernel: ``[position, out_c, in_c / groups]``.

    Int16 for int8 layers, whose ``G`` is scaled to integers; else float32.
    """
    rows = np.array(form.kernel_rows(layer))
    wide = layer.weights.astype(rows.dtype)
    values = np.einsum("ai,oijc,bj->aboc", rows, wide, rows)
    matrices: NDArray[np.int16] | NDArray[np.float32] = values.astype(of_dtype(layer.dtype).wider)
    return matrices.reshape(form.positions, *values.shape[2:])


def tiles_in_row(g: Geometry, form: WinogradForm) -> int:
    """Return how many tiles cover an output row."""
    return -(-g.out_w // form.outputs)


def has_outside(g: Geometry, form: WinogradForm) -> bool:
    """Whether tiles reach over the image: padding, or outputs that are no whole squares."""
    return g.has_padding or g.out_h % form.outputs != 0 or g.out_w % form.outputs != 0
