"""Disassembly as objdump prints it, one function call graph at a time."""

from __future__ import annotations

import pytest

from convgen.bench.code.callgraph import CallGraph, Unbounded
from convgen.bench.code.disassembly import from_objdump


def graph(text: str, **frames: int | None) -> CallGraph:
    lines = []
    for address, line in enumerate(text.strip().splitlines(), start=0x100):
        line = line.strip()
        if line.endswith(":"):
            lines.append(f"\n{address:08x} <{line[:-1]}>:")
        else:
            lines.append(f"     {address:x}:\t{line}")
    return CallGraph(from_objdump("\n".join(lines)), frames)


def bound(text: str, **frames: int | None) -> int:
    calls = graph(text, **frames)
    return calls.stack_bound(calls.find("top"))


@pytest.mark.parametrize(
    ("instruction", "taken"),
    [
        ("push\t{r3, r4, lr}", 12),
        ("stmdb\tsp!, {r4, r5, r6, r7, r8, lr}", 24),
        ("vpush\t{d8-d15}", 64),
        ("vpush\t{s16}", 4),
        ("sub\tsp, #28", 28),
        ("sub.w\tsp, sp, #1024", 1024),
        ("str.w\tlr, [sp, #-4]!", 4),
        ("strd\tr3, lr, [sp, #-16]!", 16),
        ("addi\tsp,sp,-48", 48),
        ("add\tsp,sp,-16", 16),
        ("sub\t$0x28,%rsp", 40 + 8),  # and the return address
        ("push\t%rbx", 8 + 8),
        ("movss\t%xmm5,-0x20(%rsp)", 32 + 8),
        ("stp\tx29, x30, [sp, #-32]!", 32),
        ("sub\tsp, sp, #0x20", 32),
        ("str\tr3, [sp, #4]", 0),
        ("addi\tsp,sp,48", 0),
    ],
)
def test_what_an_instruction_takes_from_the_stack(instruction: str, taken: int) -> None:
    assert bound(f"top:\n{instruction}\nbx\tlr") == taken


def test_the_deepest_path_counts() -> None:
    text = """
    top:
    bl\t104 <shallow>
    bl\t106 <deep>
    bx\tlr
    shallow:
    bx\tlr
    deep:
    bx\tlr
    """
    assert bound(text, top=8, shallow=16, deep=40) == 48


def test_a_copy_that_the_compiler_made_has_the_frame_of_its_original() -> None:
    text = "top:\ncall\t102 <f.constprop.0>\nf.constprop.0:\nmovss\t%xmm0,-0x10(%rsp)"
    assert bound(text, top=16, **{"f.constprop": 8}) == 16 + 8 + 16
    calls = "top:\nbl\t102 <f.part.1>\nf.part.1:\nbx\tlr"
    assert bound(calls, top=16, **{"f.part": 24}) == 40


def test_a_jump_to_another_function_leaves_the_frame() -> None:
    text = "top:\nb.w\t102 <next>\nnext:\nbx\tlr"
    assert bound(text, top=8, next=24) == 24
    assert bound(text, top=24, next=8) == 24


def test_a_jump_to_a_part_of_the_same_function_keeps_the_frame() -> None:
    text = "top:\nb.w\t102 <top.cold>\ntop.cold:\nbx\tlr"
    assert bound(text, **{"top": 8, "top.cold": 16}) == 24


def test_a_jump_in_assembly_may_keep_the_frame() -> None:
    assert bound("top:\npush\t{r3, lr}\nb.w\t103 <next>\nnext:\nbx\tlr", next=8) == 16


def test_a_jump_within_a_function_is_none() -> None:
    assert bound("top:\nnop\nbne.n\t101 <top>\nbl\t102 <top+0x1>\nbx\tlr", top=8) == 8


def test_a_reference_in_a_comment_is_a_call_of_a_branch_only() -> None:
    text = "top:\nlw\ta5,4(a0) # 104 <other>\njalr\t-20(ra) # 104 <other>\nother:\nret"
    assert bound(text, top=16, other=32) == 48


@pytest.mark.parametrize(
    "text",
    [
        "top:\nbl\t100 <top>",
        "top:\nblx\tr3",
        "top:\njalr\ta5",
        "top:\njr\ta5",
        "top:\ncall\t*%rax",
        "top:\nbl\t999 <elsewhere>",
        "top:\nbl\t102 <other>\nother:\nsub\tsp,sp,t0",
    ],
)
def test_recursion_pointers_and_varying_frames_have_no_bound(text: str) -> None:
    with pytest.raises(Unbounded):
        bound(text, top=0)


def test_a_frame_that_the_compiler_cannot_tell_has_no_bound() -> None:
    with pytest.raises(Unbounded):
        bound("top:\nbx\tlr", top=None)


@pytest.mark.parametrize("reads", ["csrr\ta3,vlenb", "csrr\ta3, 3106"])
def test_vectors_in_a_frame_are_in_no_size_that_clang_says(reads: str) -> None:
    with pytest.raises(Unbounded):
        bound(f"top:\n{reads}\nret", top=704)


def test_a_computed_jump_in_a_library_function_is_a_switch() -> None:
    assert bound("top:\njal\t102 <lib>\nlib:\naddi\tsp,sp,-16\njr\ta5", top=16) == 32


def test_what_a_leaf_function_keeps_below_the_stack_pointer_counts() -> None:
    text = "0000 <leaf>:\n   0:\tmov    %edi,-0x19(%rsp)\n   4:\tret\n"
    graph = CallGraph(from_objdump(text), {"leaf": 8})
    assert graph.stack_bound(graph.find("leaf")) == 8 + 0x19
