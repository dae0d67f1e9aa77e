"""Code as capstone reads it, held against objdump."""

from __future__ import annotations

from pathlib import Path

import pytest

from convgen.bench.build import toolchain
from convgen.bench.code.callgraph import CallGraph, Unbounded
from convgen.bench.code.disassembly import Function, from_elf, functions
from convgen.bench.code.measure import frame_bytes
from convgen.targets import target
from toy.bench import Built, build

TARGETS = ["cortex-m0", "cortex-m4", "rv32imc", "rv64imac"]


def known(functions: list[Function], built: Built) -> dict[int, tuple[list[int], int] | None]:
    """What each function calls, directly or not, and how deep its stack gets; None: unbounded."""
    graph = CallGraph(functions, frame_bytes(built.image.objects))
    found: dict[int, tuple[list[int], int] | None] = {}
    for function in functions:
        try:
            called = sorted(each.start for each in graph.reachable(function))
            found[function.start] = (called, graph.stack_bound(function))
        except Unbounded:
            found[function.start] = None
    return found


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("source", ["arithmetic.c", "nested.c", "scale.c"])
def test_calls_and_stack_are_those_that_objdump_shows(
    name: str, source: str, tmp_path: Path
) -> None:
    built = build(tmp_path, source, name, tools="gcc")
    printed = functions(built.image, toolchain.find("gcc", target.load(name)))
    assert known(from_elf(built.image.elf), built) == known(printed, built)
