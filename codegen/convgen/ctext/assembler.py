"""Functions in assembly, as text: the templates' ``asm``, and how their lines are C."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from convgen.ctext.expressions import NOTHING

CFI = ".cfi_"
SAVED_DOUBLES = tuple(f"d{i}" for i in range(8, 16))
CALLEE_SAVED = ("r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "lr")


def quoted(text: str) -> str:
    """Return the lines of *text*, which has no quotes, as adjacent C strings; labels stand out.

    What is for debuggers is an argument of the macro CFI.

    >>> print(quoted("1:\\n  bne 1b\\n .cfi_restore r8"))
        "1:\\n"
        "    bne 1b\\n"
        CFI("restore r8")
    """
    lines = (line.strip().replace("\\", "\\\\") for line in text.replace(NOTHING, "").splitlines())
    return "\n".join(f"    {_quoted(line)}" for line in lines if line)


def _quoted(line: str) -> str:
    if line.startswith(CFI):
        return f'CFI("{line.removeprefix(CFI)}")'
    margin = "" if line.endswith(":") else "    "
    return f'"{margin}{line}\\n"'


def function(instructions: str, prototype: str, symbol: str) -> str:
    """Declare *prototype* and define, for this layer alone, the function *symbol*."""
    return (
        f"{prototype};\n\n__extension__ __asm__(\n    BEGIN({symbol})\n{quoted(instructions)}\n"
        f"    END({symbol}));"
    )


def role(names: Iterable[str], words: str) -> str:
    """Return a row of the comment above a function: registers, and what they hold.

    >>> role(["r4", "r5"], "sums")
    ' *   r4 r5            sums\\n'
    """
    return f" *   {registers(names):<16} {words}\n"


def repeat(count: int, instructions: str) -> str:
    """Return *instructions* so many times, or not at all."""
    return f".rept {count}\n{instructions}\n.endr" if count else ""


@dataclass(frozen=True, slots=True)
class Role:
    """Registers, and what they hold in words."""

    names: tuple[str, ...]
    words: str


def roles(of: Iterable[Role]) -> str:
    """Return the rows of all of them."""
    return "".join(role(each.names, each.words) for each in of).rstrip("\n")


def each(of: Iterable[object], instruction: str, first: int = 0) -> str:
    """Return *instruction* of each register, or whatever ``r`` is, with its number and word.

    Words lie from *first* on.

    >>> print(each(["r4", "r5"], "ldr {r}, [sp, #{at}]"))
    ldr r4, [sp, #0]
    ldr r5, [sp, #4]
    """
    return "\n".join(instruction.format(r=r, i=i, at=first + 4 * i) for i, r in enumerate(of))


def load(names: Sequence[str], base: str) -> str:
    """Load registers from *base* on, which moves on if it ends in "!".

    >>> load(["r2", "r3"], "r1!"), load(["r2"], "r1!"), load(["r2"], "r0")
    ('ldm r1!, {r2, r3}', 'ldr r2, [r1], #4', 'ldr r2, [r0]')
    """
    if len(names) > 1:
        return f"ldm {base}, {{{', '.join(names)}}}"
    return f"ldr {names[0]}, [{base.rstrip('!')}]{', #4' if base.endswith('!') else ''}"


def splat(vector: str, value: int) -> str:
    """Put *value*, that of a byte, into each lane of a vector of Helium.

    >>> splat("q2", 5), splat("q2", -128)
    ('vmov.i32 q2, #5', 'vmvn.i32 q2, #127')
    """
    return f"vmov.i32 {vector}, #{value}" if value >= 0 else f"vmvn.i32 {vector}, #{~value}"


def push() -> str:
    """Save what Thumb-2 code uses: r4 to r11 and the return address."""
    return f"push {{r4-r11, lr}}\n{CFI}adjust_cfa_offset 36\n{saved(CALLEE_SAVED)}"


def push_vectors() -> str:
    """Save the vectors of Helium that are the caller's: q4 to q7."""
    return f"vpush {{d8-d15}}\n{CFI}adjust_cfa_offset 64\n{saved(SAVED_DOUBLES, size=8)}"


def pop_vectors() -> str:
    """Give them back."""
    restored = _in_threes([f"{CFI}restore {name}" for name in SAVED_DOUBLES])
    return f"vpop {{d8-d15}}\n{CFI}adjust_cfa_offset -64\n{restored}"


def grow(size: int) -> str:
    """Take *size* bytes of the stack."""
    return f"sub sp, #{size}\n{CFI}adjust_cfa_offset {size}"


def shrink(size: int) -> str:
    """Give them back."""
    return f"add sp, #{size}\n{CFI}adjust_cfa_offset -{size}"


def saved(names: Sequence[str], first: int = 0, size: int = 4) -> str:
    """Say to debuggers that registers of *size* bytes are from *first* above the stack pointer on.

    >>> print(saved(["r4", "lr"], 8))
    .cfi_rel_offset r4, 8; .cfi_rel_offset lr, 12
    """
    directives = [f"{CFI}rel_offset {name}, {first + size * i}" for i, name in enumerate(names)]
    return _in_threes(directives)


def _in_threes(directives: Sequence[str]) -> str:
    return "\n".join("; ".join(directives[i : i + 3]) for i in range(0, len(directives), 3))


def registers(names: Iterable[str]) -> str:
    """Return the names of registers; four and more that follow each other by their ends.

    >>> registers(["r4", "r5", "r7"]), registers(["r8", "r9", "r10", "r11", "lr"])
    ('r4 r5 r7', 'r8-r11 lr')
    """
    runs: list[list[str]] = []
    for name in names:
        if runs and _follows(runs[-1][-1], name):
            runs[-1].append(name)
        else:
            runs.append([name])
    return " ".join(f"{run[0]}-{run[-1]}" if len(run) > 3 else " ".join(run) for run in runs)


def _follows(before: str, name: str) -> bool:
    """Whether *name* is the register after *before*."""
    return before[1:].isdigit() and name == f"{before[0]}{int(before[1:]) + 1}"
