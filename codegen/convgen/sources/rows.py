"""The output rows of a call in C: which are made, in which direction, and where rows lie.

The templates' ``rows``. Their loops are written once, for the whole layer and for bands, from the
first pixel to the last and back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from convgen.ctext.expressions import NOTHING, advance, fits, remains, times

WHY = (
    "    /* From the last pixel to the first: "
    "so outputs overwrite only input that is not read any more. */"
)
READ = """\
    const int32_t above = first * STRIDE_H - PAD_TOP;
    const int32_t below = (last - 1) * STRIDE_H - PAD_TOP + (KERNEL_H - 1) * DILATION_H + 1;
    const int32_t top = above < 0 ? 0 : above < IN_H ? above : IN_H;
    const int32_t bottom = below > IN_H ? IN_H : below;

"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows ``first`` to ``last`` - 1 in a band, else all; ``backwards``: from the last pixel on."""

    by_rows: bool
    backwards: bool

    @property
    def first(self) -> str:
        """The first of them."""
        return "first" if self.by_rows else "0"

    @property
    def last(self) -> str:
        """The end."""
        return "last" if self.by_rows else "OUT_H"

    @property
    def count(self) -> str:
        """How many."""
        return "(last - first)" if self.by_rows else "OUT_H"

    @property
    def parameter(self) -> str:
        """For functions that read the image: which row lies at ``input``, if not the first."""
        return "int32_t input_row, " if self.by_rows else ""

    @property
    def argument(self) -> str:
        """What is passed for it."""
        return "input_row, " if self.by_rows else ""

    @property
    def top_parameter(self) -> str:
        """For functions of what was made of the rows that are read: the first of them."""
        return "int32_t top, " if self.by_rows else ""

    @property
    def top_argument(self) -> str:
        """What is passed for it."""
        return "top, " if self.by_rows else ""

    @property
    def band_parameters(self) -> str:
        """For functions of rows that are made: which."""
        return ", int32_t first, int32_t last" if self.by_rows else ""

    @property
    def band_arguments(self) -> str:
        """What is passed for it."""
        return ", first, last" if self.by_rows else ""

    @property
    def read_from(self) -> str:
        """Where the rows are that are read."""
        return "input + (top - input_row) * IN_W * IN_C" if self.by_rows else "input"

    @property
    def read_count(self) -> str:
        """How many these are."""
        return "(bottom - top)" if self.by_rows else "IN_H"

    @property
    def from_first(self) -> str:
        """The input from the first row on, where outputs read the pixel at their place."""
        return "input + (first - input_row) * IN_W * IN_C" if self.by_rows else "input"

    @property
    def read(self) -> str:
        """Declare which rows of the image the outputs read."""
        return READ if self.by_rows else ""

    def below(self, row: str) -> str:
        """Return where a row of the image is, counted from the first that is read."""
        return f"({row} - top)" if self.by_rows else row

    def at(self, row: str, alone: str = "") -> str:
        """Return where a row of the image is, counted from the one at ``input``."""
        return f"({row} - input_row)" if self.by_rows else alone or row

    def pixel(self, row: str, col: str, outside: str = "") -> str:
        """Return where a pixel of the image is, *outside* where it is not ``inside``, if given."""
        place = f"input + ({self.at(row)} * IN_W + {col}) * IN_C"
        return f"inside ? {place} : {outside}" if outside else place

    def made(self, row: str) -> str:
        """Return where a row of the output is, counted from the one at ``output``."""
        return f"({row} - first)" if self.by_rows else row

    def begin(self, pointers: Mapping[str, str] | None = None, of: str = "") -> str:
        """Move *pointers*, ``output`` alone, to the end of *of* rows where it goes backwards."""
        if not self.backwards:
            return ""
        moved = pointers or {"output": "OUT_W * OUT_C"}
        lines = [f"    {name} += {of or self.count} * {pitch};" for name, pitch in moved.items()]
        return "\n".join([WHY, *lines, ""])

    def each(self, step: str = "") -> str:
        """Return the head of the loop over rows, or each *step* of them."""
        if self.backwards:
            return f"for (int32_t out_row = {self.last} - 1; out_row >= {self.first}; --out_row) {{"
        forward = advance("out_row", step or 1)
        return f"for (int32_t out_row = {self.first}; out_row < {self.last}; {forward}) {{"

    @property
    def each_pixel(self) -> str:
        """The head of the loop over the pixels of a row."""
        if self.backwards:
            return "for (int32_t out_col = OUT_W - 1; out_col >= 0; --out_col) {"
        return "for (int32_t out_col = 0; out_col < OUT_W; ++out_col) {"

    def blocks(self, pixels: int, begin: str, end: str) -> str:
        """Return the head of the loop over blocks of a row from ``col`` to *end*, or to *begin*."""
        if self.backwards:
            moved = advance("col", pixels, "-")
            return f"while ({remains('col', pixels, begin)}) {{\n    {moved};"
        return f"for (; {fits('col', pixels, end)}; {advance('col', pixels)}) {{"

    def before(self, pixels: int = 1, **distances: str | int) -> str:
        """Move what is named back by its distance, times *pixels*, where it goes backwards."""
        return self._moved(distances, pixels, "-") if self.backwards else NOTHING

    def after(self, pixels: int = 1, **distances: str | int) -> str:
        """Move it on behind what is done there, where it goes forwards."""
        return NOTHING if self.backwards else self._moved(distances, pixels, "+")

    def _moved(self, distances: Mapping[str, str | int], pixels: int, sign: str) -> str:
        return "\n".join(
            f"{advance(name, f'{times(pixels)}{by}' if pixels > 1 else by, sign)};"
            for name, by in distances.items()
        )
