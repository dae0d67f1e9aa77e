"""Which functions a function calls and how much stack they need, from disassembly.

Reads Thumb, RISC-V, x86-64 and AArch64. The frames of functions compiled without
``-fstack-usage``, such as the compiler's library, are all that their instructions take from the
stack pointer on any path: too much rather than too little.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence

from convgen.bench.code.disassembly import Function
from convgen.bench.code.machine_code import ControlFlow, Instruction

_JUMP_BY_REGISTER = re.compile(r"bx|br|(?:c\.)?jr|jmpq?")

# What an instruction takes from the stack pointer, in bytes.
_TAKES = tuple(
    re.compile(pattern)
    for pattern in (
        r"subw?(?:\.w)? sp, (?:sp, )?#(0x[0-9a-f]+|\d+)",
        r"st(?:r|rd|p)\S* .*\[sp, #-(0x[0-9a-f]+|\d+)\]!",
        r"(?:c\.)?addi?(?:16sp)? sp, ?(?:sp, ?)?-(0x[0-9a-f]+|\d+)",
        r"subq? \$(0x[0-9a-f]+),%rsp",
    )
)
_TAKES_VARIABLE = re.compile(
    r"subw?(?:\.w)? sp, (?:sp, )?(?!sp)[a-z]|mov sp, r[0-6]|add sp, [a-z]"  # Thumb, AArch64
    r"|(?:sub|add) sp, ?sp, ?[a-z]"  # RISC-V
    r"|sub %.*,%rsp"
)
_VECTOR_BYTES = re.compile(r"csrr \w+, ?(?:vlenb|3106)")
_PUSH = re.compile(r"(?:push|vpush|stmdb|vstmdb)\S* (?:sp!, )?\{(.*)\}")
_X86_RED_ZONE_BYTES = 128  # what lies further below belongs to nobody
_X86_RED_ZONE = re.compile(r"-0x([0-9a-f]+)\(%rsp")
_X86_RETURN_ADDRESS_BYTES = 8
# Of a copy that GCC made for some arguments; -fstack-usage leaves it out.
_CLONE_NUMBER = re.compile(r"\.\d+$")
_X86_PUSH = re.compile(r"push\S* %")


class Unbounded(Exception):  # noqa: N818 - an answer, not an error
    """There is no bound: recursion, a call through a pointer, a frame that varies."""


class CallGraph:
    """The functions of an image. *frames* are frame sizes the compiler gave, None if varying."""

    def __init__(self, functions: Sequence[Function], frames: Mapping[str, int | None]) -> None:
        """Keep *functions*, in the order of their addresses."""
        self._functions = functions
        self._starts = [function.start for function in self._functions]
        self._frames = frames

    def find(self, name: str, within: range | None = None) -> Function:
        """Return the function *name*, the one *within* some addresses if several have it."""
        return next(
            function
            for function in self._functions
            if function.name == name and (within is None or function.start in within)
        )

    def reachable(self, root: Function) -> list[Function]:
        """Return *root* and all that it calls, directly or not; Unbounded if not known."""
        found = {root.start: root}
        waiting = [root]
        while waiting:
            for callee in self._callees(waiting.pop()):
                if callee.start not in found:
                    found[callee.start] = callee
                    waiting.append(callee)
        return list(found.values())

    def stack_bound(self, root: Function) -> int:
        """Return the most bytes of stack *root* and its callees take; Unbounded if not known."""
        depths: dict[int, int | None] = {}

        def depth(function: Function) -> int:
            if function.start not in depths:
                depths[function.start] = None  # being visited: meeting it again is recursion
                frame = self._frame(function)
                below = (
                    depth(callee) + (0 if is_left else frame)
                    for callee, is_left in self._reached(function)
                )
                depths[function.start] = max([frame, *below])
            known = depths[function.start]
            if known is None:
                raise Unbounded
            return known

        return depth(root)

    def _frame(self, function: Function) -> int:
        name = _CLONE_NUMBER.sub("", function.name)
        if name not in self._frames:
            return _frame_of(function)
        frame = self._frames[name]
        if frame is None or _keeps_vectors(function):
            raise Unbounded
        return frame + _below_stack_pointer(function)

    def _callees(self, function: Function) -> list[Function]:
        """Return the functions that *function* calls or jumps to."""
        return [callee for callee, _ in self._reached(function)]

    def _reached(self, function: Function) -> list[tuple[Function, bool]]:
        """Return what *function* calls or jumps to, and whether its frame is gone by then.

        Compilers jump to another function in place of a call and a return, or to a part of the same
        that is hardly ever run.
        """
        callees = []
        for instruction in function.instructions:
            address, is_call = instruction.target, instruction.flow is ControlFlow.CALL
            if address is None:
                if is_call or self._jumps_out(function, instruction):
                    raise Unbounded
            elif not (
                function.start <= address < function.end
                # A call into the middle is Thumb-1's long jump.
                and not (is_call and address == function.start)
            ):
                callee = self._at(address)
                is_part = callee.name.startswith(f"{function.name}.")
                callees.append((callee, not (is_call or is_part) and self._is_compiled(function)))
        return callees

    def _is_compiled(self, function: Function) -> bool:
        return _CLONE_NUMBER.sub("", function.name) in self._frames

    def _jumps_out(self, function: Function, instruction: Instruction) -> bool:
        """Whether a jump to a computed address may be a call: in a library it is a switch."""
        return (
            self._is_compiled(function)
            and instruction.flow is ControlFlow.AWAY
            and _JUMP_BY_REGISTER.fullmatch(instruction.mnemonic) is not None
        )

    def _at(self, address: int) -> Function:
        index = bisect_right(self._starts, address) - 1
        if index < 0 or address >= self._functions[index].end:
            raise Unbounded  # not in the image: a shared library
        return self._functions[index]


def _keeps_vectors(function: Function) -> bool:
    """Whether its frame has more than the compiler says: clang leaves out RISC-V's vectors."""
    return any(_VECTOR_BYTES.match(each.text) for each in function.instructions)


def _frame_of(function: Function) -> int:
    taken = sum(_taken(instruction.text) for instruction in function.instructions)
    is_x86 = any("%" in instruction.operands for instruction in function.instructions)
    return taken + (_below_stack_pointer(function) + _X86_RETURN_ADDRESS_BYTES if is_x86 else 0)


def _below_stack_pointer(function: Function) -> int:
    """Bytes that a leaf function of x86-64 uses without taking them; the compiler omits them."""
    below = (_X86_RED_ZONE.search(each.operands) for each in function.instructions)
    used = max((int(match[1], 16) for match in below if match), default=0)
    return min(used, _X86_RED_ZONE_BYTES)


def _taken(text: str) -> int:
    """Bytes that one instruction takes from the stack pointer."""
    if _TAKES_VARIABLE.match(text):
        raise Unbounded
    if push := _PUSH.match(text):
        return _list_bytes(push[1])
    if _X86_PUSH.match(text):
        return 8
    for pattern in _TAKES:
        if match := pattern.match(text):
            return int(match[1], 0)
    return 0


def _list_bytes(registers: str) -> int:
    """Bytes of a push list such as ``r4, r5, lr`` or ``d8-d15``."""
    total = 0
    for item in registers.split(", "):
        first, _, last = item.partition("-")
        count = int(last[1:]) - int(first[1:]) + 1 if last else 1
        total += count * (8 if first.startswith("d") else 4)
    return total
