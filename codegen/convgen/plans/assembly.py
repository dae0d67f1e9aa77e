"""What assembly takes for granted of compiler and core, each stated once.

A layer's file asks for it in one condition of the preprocessor; what does not meet that gets the
same functions in plain C.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

COMPILER = ("defined(__GNUC__)", "__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__")
NOT_WANTED = "CONVGEN_PLAIN_C"


_THUMB = (".syntax unified", ".thumb_func")


@dataclass(frozen=True, slots=True, kw_only=True)
class ForClang:
    """What clang's assembler must be told where it knows a core by its triple alone."""

    condition: str
    directive: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """Instructions: ``needs`` says in words what ``core`` asks the preprocessor for.

    ``has_functions``: there are whole functions, not only instructions amid C; the assembler is
    told ``directives`` before each.
    """

    needs: str
    core: tuple[str, ...]
    clang: ForClang | None = None
    has_functions: bool = True
    directives: tuple[str, ...] = _THUMB

    @property
    def conditions(self) -> tuple[str, str]:
        """All that must hold, in two lines: for every kind of assembly, and for this one."""
        common = (*COMPILER, f"!defined({NOT_WANTED})")
        return " && ".join(common), " && ".join(self.core)

    @property
    def description(self) -> str:
        """A sentence for the header comment."""
        return f"for GCC and clang, little-endian, {self.needs}; plain C for all others"


_ARMV8M = ForClang(condition="defined(__clang__) && __ARM_ARCH >= 8", directive=".cpu cortex-m33")
_DSP = ("defined(__thumb2__)", "defined(__ARM_FEATURE_DSP)")

DSP = Assembly(needs="Thumb-2 with DSP instructions", core=_DSP, clang=_ARMV8M)
DSP_UNALIGNED = Assembly(
    needs="Thumb-2 with DSP instructions and unaligned loads",
    core=(*_DSP, "defined(__ARM_FEATURE_UNALIGNED)"),
    clang=_ARMV8M,
)
MVE = Assembly(
    needs="Helium's integer vectors",
    core=("defined(__thumb2__)", "defined(__ARM_FEATURE_MVE)"),
    clang=ForClang(condition="defined(__clang__)", directive=".cpu cortex-m55"),
)
SATURATING = Assembly(
    needs="Thumb-2 with SSAT",
    core=("defined(__thumb2__)", "defined(__ARM_FEATURE_SAT)"),
    has_functions=False,
)
ROUNDING = Assembly(
    needs="Thumb-2 with DSP instructions and SSAT",
    core=(*_DSP, "defined(__ARM_FEATURE_SAT)"),
    has_functions=False,
)
SATURATING_FLOAT = Assembly(
    needs="Thumb-2 with SSAT and a single-precision FPU",
    core=("defined(__thumb2__)", "defined(__ARM_FEATURE_SAT)", "defined(__ARM_FP)"),
    has_functions=False,
)
LANES = Assembly(
    needs="Thumb-2 with DSP instructions and unaligned loads",
    core=(*_DSP, "defined(__ARM_FEATURE_UNALIGNED)"),
    has_functions=False,
)
THUMB2 = Assembly(needs="Thumb-2", core=("defined(__thumb2__)",))
# Armv6 before Thumb-2 cannot add two low registers without setting flags; Armv6-M can.
THUMB = Assembly(
    needs="Thumb of the M-profile",
    core=("defined(__thumb__)", "(defined(__thumb2__) || __ARM_ARCH_PROFILE == 'M')"),
)
RV32M = Assembly(
    needs="RV32I with multiplication",
    core=(
        "defined(__riscv_mul)",
        "__riscv_xlen == 32",
        "!defined(__riscv_32e)",
        "!defined(__riscv_e)",
    ),
    clang=ForClang(condition="defined(__clang__)", directive=".option arch, +m"),
    directives=(),
)

ZVE32X = Assembly(
    needs="RV32 with vectors (Zve32x) of 128 bits and more, on in mstatus.VS when it is called",
    core=("defined(__riscv_vector)", "__riscv_v_min_vlen >= 128", *RV32M.core),
    directives=(".option arch, +m, +zicsr, +zve32x",),  # GCC links with -march of its libraries
)


def together(each: Sequence[Assembly]) -> Assembly | None:
    """Return what all of *each* need, for a file that has them all; None for none."""
    if not each:
        return None
    clang = next((one.clang for one in each if one.clang), None)
    return Assembly(
        needs=", ".join(dict.fromkeys(one.needs for one in each)),
        core=tuple(dict.fromkeys(condition for one in each for condition in one.core)),
        clang=clang,
        has_functions=any(one.has_functions for one in each),
        directives=each[0].directives,
    )
