"""What a set of instructions has to offer: to dense layers, depthwise ones and Winograd alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from convgen.plans.assembly import Assembly
from convgen.plans.kernels.finishing import FinishingKernel


@dataclass(frozen=True, slots=True, kw_only=True)
class Products:
    """Winograd's products of a block of tiles and output channels, two input channels in a word.

    ``template`` prints the function in ``assembly``; None where it is in plain C. So many pairs of
    channels stand ``unrolled`` in a row. ``inlines_outputs``: a sum becomes an output in so few
    instructions that a row of them is no call.
    """

    description: str
    unrolled: int
    template: str | None = None
    assembly: Assembly | None = None
    inlines_outputs: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Planes:
    """A depthwise layer plane by plane: ``template`` prints the walk in ``assembly``."""

    template: str
    assembly: Assembly


@dataclass(frozen=True, slots=True, kw_only=True)
class Slices:
    """A fully connected layer in slices, weights of two channels in a halfword.

    ``template`` prints the function in ``assembly``.
    """

    template: str
    assembly: Assembly


@dataclass(frozen=True, slots=True, kw_only=True)
class InstructionSet:
    """One set of instructions.

    ``finishing``: kernels from pixels to outputs, by the bits that a weight may take in flash;
    ``finishing_int16`` those of inputs of int16, ``depthwise_int16`` those that read them where
    they are in depthwise layers.
    ``spaced``: by dtype and bits those whose blocks may have outputs that lie apart.
    ``planes``: depthwise layers in assembly, ``wide_planes`` those of int16, ``lanes`` pixel by
    pixel, ``quads`` four outputs at a time. ``slices``: fully connected ones whose input comes in
    slices. ``bytewise``: instructions amid C that take the bytes of a word apart, or work on each.
    ``saturating``: one that takes an integer into a range, ``rounding`` one more that rounds the
    upper half of a product, ``saturating_float`` one behind a conversion from float. ``line``
    prints those that requantise, ``branches`` the loops of its assembly. ``has_vectors``: compilers
    make vectors of loops, which GCC 12 does not do right where a loop has had its conditions
    removed.
    """

    name: str
    products: Products
    finishing: Mapping[int, FinishingKernel] = field(default_factory=dict)
    finishing_int16: Mapping[int, FinishingKernel] = field(default_factory=dict)
    depthwise_int16: Mapping[int, FinishingKernel] = field(default_factory=dict)
    spaced: Mapping[str, Mapping[int, FinishingKernel]] = field(default_factory=dict)
    planes: Planes | None = None
    wide_planes: Planes | None = None
    lanes: Planes | None = None
    quads: Planes | None = None
    slices: Slices | None = None
    bytewise: Assembly | None = None
    saturating: Assembly | None = None
    rounding: Assembly | None = None
    saturating_float: Assembly | None = None
    line: str | None = None
    branches: str | None = None
    has_vectors: bool = False

    def finishing_of(self, dtype: str) -> Mapping[int, FinishingKernel]:
        """Return the kernels from pixels to outputs for inputs of *dtype*, if there are any."""
        return {"int8": self.finishing, "int16": self.finishing_int16}.get(dtype, {})

    def depthwise_of(self, dtype: str) -> Mapping[int, FinishingKernel]:
        """Return those of depthwise layers that read the input where it is."""
        return {"int16": self.depthwise_int16}.get(dtype, {})
