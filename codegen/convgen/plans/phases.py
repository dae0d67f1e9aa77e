"""The phases of a transposed convolution: outputs a stride apart, which have the same weights.

Each phase is a convolution of the image itself, of stride 1. A finishing kernel does it whose
blocks may store outputs apart: it has the functions of each size of a phase, and the constants of
each phase. Pixels with a tap outside the image go one by one, with a bit for each tap.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from convgen.model.geometry import Geometry
from convgen.model.ops.conv2d import Conv2d
from convgen.model.ops.transposed_conv2d import TransposedConv2d
from convgen.plans.constant import Constant
from convgen.plans.conv.direct import levels_of
from convgen.plans.kernels.base import Runs
from convgen.plans.kernels.finishing import FinishingPlan, Fitting, StreamedPlan
from convgen.plans.kernels.forms import Form
from convgen.refusal import Refusal, needs


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseSize:
    """The taps of a phase, and how its pixels go: in ``blocks``, one by one, or both."""

    rows: int
    cols: int
    blocks: bool
    singles: bool

    @property
    def name(self) -> str:
        """What its functions are called by."""
        return f"phase_{self.rows}x{self.cols}"

    @property
    def is_mixed(self) -> bool:
        """Whether pixels go both ways."""
        return self.blocks and self.singles


@dataclass(frozen=True, slots=True, kw_only=True)
class TransposedSteps:
    """What the templates of ``transposed`` print: sizes, and pixels of a block.

    ``skips_outside``: taps outside the image are left out. ``sizes`` are those of the phases that a
    finishing kernel does; its kernel has no fewer rows and columns than the stride, so that each
    phase has a tap.
    """

    in_h: int
    in_w: int
    in_c: int
    out_h: int
    out_w: int
    out_c: int
    k_h: int
    k_w: int
    stride_h: int
    stride_w: int
    pad_top: int
    pad_left: int
    pixels: int
    skips_outside: bool
    sizes: tuple[PhaseSize, ...] = ()

    @property
    def has_singles(self) -> bool:
        """Whether a kernel takes some pixels one by one, with a bit for each tap."""
        return any(size.singles for size in self.sizes)

    @property
    def pixel_blocks(self) -> tuple[int, ...]:
        """Every pixel block, widest first."""
        return (self.pixels, 1) if self.pixels > 1 else (1,)

    @property
    def most_cols(self) -> int:
        """The most columns of taps of a phase."""
        return -(-self.k_w // self.stride_w)

    @property
    def rows(self) -> NDArray[np.int64]:
        """For each row of the output the first of the input it reads, and how many: ``[2, h]``."""
        return _taps(np.arange(self.out_h) + self.pad_top, self.k_h, self.stride_h)

    @property
    def cols(self) -> NDArray[np.int64]:
        """The same of columns."""
        return _taps(np.arange(self.out_w) + self.pad_left, self.k_w, self.stride_w)


def _taps(places: NDArray[np.int64], size: int, stride: int) -> NDArray[np.int64]:
    counts = (size + stride - 1 - places % stride) // stride
    return np.stack([places // stride - counts + 1, counts])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Phases:
    """A finishing kernel with the functions of all phases, and the constants of each."""

    kernel: StreamedPlan
    steps: TransposedSteps
    constants: tuple[Constant, ...]
    work: Counter[str]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Phase:
    """One of them, the ``number``-th: how often each of its kernel's functions is called."""

    number: int
    kernel: StreamedPlan
    calls: tuple[int, ...]

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of taps."""
        g = self.kernel.layer.geometry
        return g.k_h, g.k_w

    @property
    def work(self) -> Counter[str]:
        """What the calls take, and to find out which taps are inside."""
        work: Counter[str] = Counter()
        for form, calls in zip(self.kernel.forms, self.calls, strict=True):
            work += self.kernel.work(form, calls)
            work["direct.tap"] += calls * self.kernel.layer.geometry.taps * _is_single(form)
        return work


def plan_phases(
    operator: TransposedConv2d, fitting: Fitting[FinishingPlan], steps: TransposedSteps
) -> Phases | Refusal:
    """Fit the kernel to each phase.

    Refuse phases of more taps than have a bit each.
    """
    (stride_h, stride_w), most = operator.strides, fitting.kernel.edge_limits.taps
    steps = replace(steps, k_h=max(steps.k_h, stride_h), k_w=max(steps.k_w, stride_w))
    taps = -(-steps.k_h // stride_h) * steps.most_cols
    if taps > most:
        return Refusal(needs(f"at most {most} taps in a phase", f"has {taps}"))
    phases = [
        _phase(operator, fitting, steps, divmod(place, stride_w))
        for place in range(stride_h * stride_w)
    ]
    seen = [phase for phase in phases if any(phase.calls)]
    return Phases(
        kernel=_kernel(seen),
        steps=replace(steps, sizes=_sizes(seen)),
        constants=_constants(seen, stride_h * stride_w),
        work=sum((phase.work for phase in seen), Counter()),
    )


def _phase(
    operator: TransposedConv2d,
    fitting: Fitting[FinishingPlan],
    steps: TransposedSteps,
    at: tuple[int, int],
) -> _Phase:
    """Fit the kernel to the phase *at* these remainders by the strides."""
    fitted, calls = replace(fitting, layer=_layer(operator, at)), _calls(steps, at)
    g, runs = fitted.layer.geometry, _runs(fitted, steps.pixels)
    edge = fitted.edge(runs)
    if isinstance(edge, Refusal):
        raise AssertionError("few taps have a bit each")
    both = zip((fitted.rows(steps.pixels, runs), edge), calls, strict=True)
    used = [(form, count) for form, count in both if count] or [(edge, 0)]
    kernel = fitted.plan(runs, tuple(form for form, _ in used))
    if not isinstance(kernel, StreamedPlan):
        raise AssertionError("what stores outputs apart has a stream of constants")
    forms = tuple(
        replace(form, name=f"phase_{g.k_h}x{g.k_w}_{form.name}", stream=kernel.stream.size)
        for form in kernel.forms
    )
    return _Phase(
        number=at[0] * steps.stride_w + at[1],
        kernel=replace(kernel, forms=forms, apart=steps.stride_w, out_of_line="edge"),
        calls=tuple(count for _, count in used),
    )


def _runs(fitting: Fitting[FinishingPlan], pixels: int) -> Runs:
    """Return the rows of a phase, or its taps where groups of a row may lie in two of them."""
    g = fitting.layer.geometry
    row_runs = g.k_w == 1 or g.in_c % fitting.kernel.unrolling.group == 0
    return Runs(
        pixels=pixels,
        pitch=g.in_c,
        step=1,
        group=g.in_c,
        count=g.k_h if row_runs else g.taps,
        levels=levels_of(g, row_runs=row_runs),
    )


def _layer(operator: TransposedConv2d, at: tuple[int, int]) -> Conv2d:
    """Return a phase as a convolution of the image; without taps it has one of zero weights."""
    weights, (in_h, in_w, in_c) = operator.phase(*at), operator.input.shape
    out_c, rows, cols, _ = weights.shape
    whole = np.zeros((out_c, max(1, rows), max(1, cols), in_c), weights.dtype)
    whole[:, :rows, :cols] = weights
    of = operator.convolution.geometry
    return replace(
        operator.convolution,
        weights=whole,
        geometry=Geometry(
            in_h=in_h,
            in_w=in_w,
            in_c=in_c,
            out_h=of.out_h,
            out_w=of.out_w,
            out_c=out_c,
            k_h=whole.shape[1],
            k_w=whole.shape[2],
        ),
    )


def _calls(steps: TransposedSteps, at: tuple[int, int]) -> tuple[int, int]:
    """Count the blocks of pixels inside the image, and the pixels beside."""
    strides, pads = (steps.stride_h, steps.stride_w), (steps.pad_top, steps.pad_left)
    start_row, start_col = (
        (place - pad) % stride for place, pad, stride in zip(at, pads, strides, strict=True)
    )
    rows = steps.rows[:, start_row :: steps.stride_h]
    cols = steps.cols[:, start_col :: steps.stride_w]
    blocks = inside(rows, steps.in_h) * (inside(cols, steps.in_w) // steps.pixels)
    return blocks, rows.shape[1] * cols.shape[1] - blocks * steps.pixels


def inside(taps: NDArray[np.int64], size: int) -> int:
    """Count the places of which all *taps*, the first and how many, are in an image of *size*."""
    first, counts = taps
    return int(((first >= 0) & (first + counts <= size)).sum())


def _kernel(phases: Sequence[_Phase]) -> StreamedPlan:
    """Return that of the largest phase with the functions of all, those of single pixels last."""
    largest = max(phases, key=lambda phase: phase.kernel.depth).kernel
    forms = {form.name: form for phase in phases for form in phase.kernel.forms}
    return replace(largest, forms=tuple(sorted(forms.values(), key=_is_single)))


def _is_single(form: Form) -> bool:
    return form.source == "masked"


def _sizes(phases: Sequence[_Phase]) -> tuple[PhaseSize, ...]:
    """Return those of the phases, the largest first."""
    found: dict[tuple[int, int], set[bool]] = {}
    for phase in phases:
        found.setdefault(phase.size, set()).update(map(_is_single, phase.kernel.forms))
    return tuple(
        PhaseSize(rows=rows, cols=cols, blocks=False in single, singles=True in single)
        for (rows, cols), single in sorted(found.items(), reverse=True)
    )


def _constants(phases: Sequence[_Phase], count: int) -> tuple[Constant, ...]:
    """Return all constants, and where those of each of *count* phases begin."""
    weights = [phase.kernel.weights for phase in phases]
    starts = np.zeros(count, np.int32)
    starts[[phase.number for phase in phases]] = np.cumsum([0, *map(len, weights[:-1])])
    return (
        Constant(
            name="weights",
            values=np.concatenate(weights),
            comment=f"[phase]: {phases[0].kernel.packing}",
        ),
        Constant(
            name="phase_starts",
            values=starts,
            comment="[phase]: where its constants begin, in words",
        ),
    )
