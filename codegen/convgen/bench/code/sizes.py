"""The sizes of an image."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """Bytes of the layer in flash, and what is known about its stack.

    ``code_bytes`` is all code that the linker placed from the layer's own objects,
    ``constant_bytes`` the sum of their constants. ``library_bytes`` are the functions of the
    compiler's library and the C library that it calls, not part of the others. Both that and
    ``stack_bound_bytes`` are None where they cannot be known: a call through a pointer; for the
    stack also recursion and frames that vary.
    """

    code_bytes: int
    constant_bytes: int
    library_bytes: int | None
    stack_bound_bytes: int | None
