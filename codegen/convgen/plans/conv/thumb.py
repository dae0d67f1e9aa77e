"""Distances between pixels as instructions of Thumb-2 say them, and what stores an output."""

from __future__ import annotations

from dataclasses import dataclass

MOST_NEAR, MOST_STEP = 4095, 255  # of an immediate offset, and of one that moves the pointer


@dataclass(frozen=True, slots=True, kw_only=True)
class Distance:
    """Bytes, and what instructions can say of them."""

    bytes: int

    @property
    def size(self) -> int:
        """Without the sign."""
        return abs(self.bytes)

    @property
    def verb(self) -> str:
        """The instruction that goes so far."""
        return "sub" if self.bytes < 0 else "add"

    @property
    def is_near(self) -> bool:
        """Whether it fits into an instruction."""
        return self.size <= MOST_NEAR

    @property
    def is_step(self) -> bool:
        """Whether a load or store can move its pointer so far."""
        return self.size <= MOST_STEP

    @property
    def low(self) -> int:
        """The low half."""
        return self.size & 0xFFFF

    @property
    def high(self) -> int:
        """The high half."""
        return self.size >> 16

    def number(self, register: str) -> str:
        """Return what brings the bytes into *register*."""
        high = f"; movt {register}, #{self.high}" if self.high else ""
        return f"movw {register}, #{self.low}{high}"

    def move(self, to: str, base: str, scratch: str) -> str:
        """Return what makes *to* lie so far from *base*."""
        if self.is_near:
            return f"{self.verb} {to}, {base}, #{self.size}"
        return f"{self.number(scratch)}; {self.verb} {to}, {base}, {scratch}"

    def at(self, base: str) -> str:
        """Return the place so far from *base*."""
        return f"[{base}, #{self.bytes}]" if self.bytes else f"[{base}]"

    def load(self, register: str) -> str:
        """Return what loads the pixel so far from r0."""
        if self.is_near:
            return f"ldrsb {register}, {self.at('r0')}"
        return f"{self.number(register)}; ldrsb {register}, [r0, {register}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputStore:
    """An output of a step: its sum, where it goes, how far the pointer moves on."""

    sum: str
    to: Distance
    step: Distance | None

    def moved(self, distance: Distance) -> str:
        """Return what adds *distance* to it."""
        return distance.move(self.sum, self.sum, "")

    def store(self, out: str) -> str:
        """Return what stores it, from the pointer *out* on."""
        if not self.to.is_near:
            return f"{self.to.number('r3')}; strb {self.sum}, [{out}, r3]"
        if self.step and self.step.is_step:
            return f"strb {self.sum}, [{out}], #{self.step.bytes}"
        moved = f"; {self.step.move(out, out, 'r3')}" if self.step else ""
        return f"strb {self.sum}, {self.to.at(out)}{moved}"
