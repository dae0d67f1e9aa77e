"""The functions of a finishing kernel, from pixels to outputs of all channels, and their loops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from convgen.model.geometry import Geometry
from convgen.plans.kernels.base import Level, Runs

WALK_INDICES = ("row", "tap")


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeLimits:
    """What a pixel at the edge may keep on the stack: ``taps``, or a ``patch`` of elements."""

    taps: int
    patch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """``iterations`` of ``repeat`` steps each, then ``rest`` steps."""

    iterations: int
    repeat: int
    rest: int

    @property
    def loops(self) -> bool:
        """Whether there is a loop at all."""
        return self.iterations > 1


def loop_over(steps: int, most: int) -> Loop:
    """Unroll *steps* by at most *most*, by the number that leaves the fewest over.

    >>> loop_over(12, 8), loop_over(13, 8)
    (Loop(iterations=2, repeat=6, rest=0), Loop(iterations=2, repeat=6, rest=1))
    """
    if steps <= most:
        return Loop(iterations=1, repeat=steps, rest=0)
    repeat = min(range(most, most // 2, -1), key=lambda count: steps % count)
    return Loop(iterations=steps // repeat, repeat=repeat, rest=steps % repeat)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unrolling:
    """How a kernel goes along a run: ``group`` elements at once, so many times in a row.

    ``most`` says how many times for each number of pixels, from one on. An element of the input
    takes ``elem_bytes``.
    """

    group: int
    most: tuple[int, ...]
    elem_bytes: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """A loop over runs as it is printed.

    ``index`` names it in C, ``label`` in assembly, where what is left is counted at ``slot`` of
    the stack and ``skip`` bytes lie between the end of the inner loops and the next run. ``pitch``
    is in elements, ``pitch_bytes`` the same in bytes.
    """

    index: str
    label: int
    slot: int
    count: int
    pitch: int
    pitch_bytes: int
    skip: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One function: ``pixels`` outputs side by side, of all channels.

    ``source``: ``rows`` reads bytes where they are, run after run as ``levels`` say; ``taps``
    reads each run through a pointer; ``masked`` reads those of a tap for which a bit is set, else
    zero points; ``pairs`` reads steps of int16 in order of use, two pixels interleaved. Each run
    is groups of ``group`` elements, in a loop, and a ``tail``. ``keeps_tap``: SMLAD's functions
    keep on the stack which tap of those that are masked is the next. ``stream``: how many words of
    constants it reads, where that is not the kernel's.
    """

    name: str
    source: str
    pixels: int
    run_elems: int
    levels: tuple[Level, ...]
    group: int
    loop: Loop
    elem_bytes: int = 1
    keeps_tap: bool = False
    stream: int | None = None

    @property
    def groups(self) -> int:
        """Whole groups of a run."""
        return self.run_elems // self.group

    @property
    def tail(self) -> int:
        """Elements of a run behind its groups."""
        return self.run_elems % self.group

    @property
    def tail_steps(self) -> tuple[int, ...]:
        """How many elements are multiplied at once at the end of a run."""
        return ((), (1,), (2,), (2, 1))[self.run_elems % self.group]

    @property
    def loop_bytes(self) -> int:
        """How far the loop goes along the input."""
        step = 8 if self.source == "pairs" else self.group * self.elem_bytes
        return self.loop.iterations * self.loop.repeat * step

    @property
    def loop_bytes_fit(self) -> bool:
        """Whether that is a constant of one instruction, on RISC-V and in Thumb-2."""
        return self.loop_bytes < 2048

    @property
    def frame(self) -> int:
        """Bytes of the stack that SMLAD's functions take, beside saved registers."""
        if self.source == "masked":
            return 32 if self.keeps_tap else 28
        return 16 + 4 * len(self.levels)

    @property
    def kept(self) -> str:
        """What SMLAD's functions keep on the stack, in words."""
        words = [
            "input",
            "output",
            "the end of the constants",
            *(["the end of a loop"] if self.loop.loops else []),
            *(["how many runs are left"] if self.levels else []),
            *(["the mask of the taps"] if self.source == "masked" else []),
            *(["the next tap"] if self.keeps_tap else []),
        ]
        return f"{', '.join(words[:-1])} and {words[-1]}"

    @property
    def input(self) -> str:
        """The C type of its input."""
        types = {"taps": "int8_t *const *", "pairs": "int16_t *"}
        return types.get(self.source, f"int{8 * self.elem_bytes}_t *")

    @property
    def walk(self) -> tuple[Walk, ...]:
        """The loops over the runs, outermost first."""
        along = 0 if self.source == "masked" else self.run_elems
        inner = (*(level.count * level.pitch for level in self.levels[1:]), along)
        return tuple(
            Walk(
                index=WALK_INDICES[place],
                label=2 + place,
                slot=16 + 4 * place,
                count=level.count,
                pitch=level.pitch,
                pitch_bytes=level.pitch * self.elem_bytes,
                skip=(level.pitch - behind) * self.elem_bytes,
            )
            for place, (level, behind) in enumerate(zip(self.levels, inner, strict=False))
        )


def rows(pixels: int, runs: Runs, depth: int, unrolling: Unrolling) -> Form:
    """Return the function that reads the input where it is."""
    return _bytes(f"pixels_{pixels}", pixels, depth // runs.count, runs.levels, unrolling)


def patch(runs: Runs, depth: int, unrolling: Unrolling) -> Form:
    """Return the function that reads one pixel's runs one behind the other."""
    elems = depth // runs.count
    levels = (Level(count=runs.count, pitch=elems),) if runs.count > 1 else ()
    return _bytes("patch", 1, elems, levels, unrolling)


def taps(geometry: Geometry, unrolling: Unrolling) -> Form:
    """Return the function that reads each tap of one pixel through a pointer."""
    levels = (Level(count=geometry.taps, pitch=0),)
    return _bytes("taps", 1, geometry.group_in_c, levels, unrolling, source="taps")


def masked(geometry: Geometry, unrolling: Unrolling) -> Form:
    """Return the function that reads the taps of one pixel that are inside the image."""
    g = geometry
    both = (
        Level(count=g.k_h, pitch=g.dilation_h * g.in_w * g.in_c),
        Level(count=g.k_w, pitch=g.dilation_w * g.in_c),
    )
    levels = tuple(level for level in both if level.count > 1)
    return _bytes("taps", 1, g.in_c, levels, unrolling, source="masked")


def can_go_by_taps(geometry: Geometry, runs: Runs, unrolling: Unrolling) -> bool:
    """Whether taps, one by one, are multiplied in the order of the other functions."""
    return runs.count == geometry.taps or geometry.in_c % unrolling.group == 0


def edge(
    geometry: Geometry,
    runs: Runs,
    unrolling: Unrolling,
    limits: EdgeLimits,
    by_taps: Callable[[Geometry, Unrolling], Form],
) -> Form | None:
    """Return the function for a pixel at the edge, *by_taps* or else by patch; None if neither."""
    if can_go_by_taps(geometry, runs, unrolling) and geometry.taps <= limits.taps:
        return by_taps(geometry, unrolling)
    if geometry.patch_elems <= limits.patch:
        return patch(runs, geometry.patch_elems, unrolling)
    return None


def _bytes(
    name: str,
    pixels: int,
    run_elems: int,
    levels: tuple[Level, ...],
    unrolling: Unrolling,
    source: str = "rows",
) -> Form:
    return Form(
        name=name,
        source=source,
        pixels=pixels,
        run_elems=run_elems,
        levels=levels,
        group=unrolling.group,
        loop=loop_over(run_elems // unrolling.group, unrolling.most[pixels - 1]),
        elem_bytes=unrolling.elem_bytes,
    )
