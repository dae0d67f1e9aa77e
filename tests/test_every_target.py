"""Random layers of every algorithm, on every target and by each of its compilers.

No compiler has anything to warn of while it optimises as the command has it do, when GCC sees much
of what it warns of; and what it makes is right on the emulated board.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import batch
import emulated
import minimal
import native
import random_operators
from batch import Options
from cases import CASES
from convgen.model.ops.conv2d import Conv2d
from convgen.plans import registry
from convgen.plans.conv import ALGORITHMS
from convgen.targets import target
from convgen.targets.target import Target
from random_layers import MIXED, drawn, inputs_for

pytestmark = [pytest.mark.emulator, pytest.mark.slow]

PLAYED = [name for name in target.names() if target.load(name).stand_in]
ALONE = [name for name in target.names() if name not in PLAYED]
COMPILERS = {
    "gcc": ALONE,
    "zig": [name for name in ALONE if target.load(name).toolchain.zig],
}
PAIRS = [(board, compiler) for compiler, boards in COMPILERS.items() for board in boards]
PARTS = 2  # images for each pair
FIRST = {"gcc": 2, "zig": 4}  # one of so many layers is in the first, by compiler
FEW = 1  # layer for a core that another one plays
SOUGHT = 100  # layers, for one that an algorithm can do
UNITS = Options(layers_in_unit=4)  # of more, GCC would inline less than of one
QUICK = Options(compile=("-O0",), layers_in_unit=1000, measured=False)


def shape(size: list[int], outputs: int, kernel: Any, padding: str) -> Conv2d:
    fields = minimal.made_up(
        input={"shape": size, "dtype": "int8"},
        out_channels=outputs,
        kernel_size=kernel,
        padding=padding,
    )
    return minimal.load(fields)


@cache
def layers(count: int) -> Sequence[Conv2d]:
    """Return at least *count* layers: random ones, and three that compilers once warned of."""
    warned_of = (
        shape([10, 12, 1], 8, [2, 5], "same"),  # a patch was written beyond its end, GCC thought
        shape([1, 8, 4], 8, 3, "same"),  # no output row is without padding
        shape([28, 28, 1], 8, 3, "valid"),  # every tile of Winograd lies inside the image
    )
    named = [replace(layer, name=f"warned{i}") for i, layer in enumerate(warned_of)]
    return [*named, *drawn(MIXED, max(count, SOUGHT), 14)]


def offered(board: Target, among: Sequence[Conv2d]) -> dict[str, Conv2d]:
    """Return the algorithms that can do any of the layers, and the first that each can do."""
    first: dict[str, Conv2d] = {}
    for layer in among:
        missing = {algorithm.name for algorithm in ALGORITHMS} - first.keys()
        first |= dict.fromkeys(registry.able(layer, board, missing, native.studied(layer)), layer)
    return first


def own(board: Target, compiler: str, count: int) -> Sequence[Conv2d]:
    """Return the pair's own layers."""
    boards = COMPILERS[compiler]
    return layers(count)[:count][boards.index(board.name) :: len(boards)]


def jobs(board: Target, compiler: str, part: int, count: int) -> list[native.Job]:
    """Return a part of the pair's own layers, by every algorithm."""
    chosen = [
        layer
        for i, layer in enumerate(own(board, compiler, count))
        if (i % FIRST[compiler] > 0) == (part > 0)
    ]
    made = [job(layer, board, None, overlapping=i % 2 > 0) for i, layer in enumerate(chosen)]
    return [each for each in made if each.chosen]


def missing(board: Target, compiler: str, count: int) -> list[native.Job]:
    """Return the algorithms that can do none of the pair's own layers, each for another."""
    ran = offered(board, own(board, compiler, count))
    return [
        job(replace(layer, name="more"), board, {name}, overlapping=False)
        for name, layer in offered(board, layers(count)[:SOUGHT]).items()
        if name not in ran
    ]


def of_other_kinds(board: Target, number: int) -> list[native.Job]:
    """Return an operator of each kind and dtype, others for each *number*."""
    return [
        made
        for kind in random_operators.KINDS
        for dtype in ("int8", "float32")
        for made in random_operators.jobs(kind, board, [number], dtype)
    ]


def job(layer: Conv2d, board: Target, names: set[str] | None, *, overlapping: bool) -> native.Job:
    chosen = native.variants(layer, board, names, overlapping=overlapping)
    return native.Job(chosen, board, inputs_for(layer))


def test_between_them_the_targets_offer_every_algorithm(random_layers: int) -> None:
    boards = list(map(target.load, ALONE))
    left = {algorithm.name for algorithm in ALGORITHMS}
    rare = [minimal.load(CASES[name]) for name in ("steps", "planes", "deep")]
    rare.append(replace(rare[-1], weights=rare[-1].weights // 19))  # of four bits
    for layer in (*layers(random_layers), *rare):
        for board in boards:
            left -= registry.able(layer, board, left).keys()
        if not left:
            return
    raise AssertionError(f"no target offers {left}")


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("part", range(PARTS + 1))
@pytest.mark.parametrize(("board", "compiler"), PAIRS)
def test_random_layers_compile_without_a_warning_and_are_right(
    board: str, compiler: str, part: int, random_layers: int, tmp_path: Path
) -> None:
    """Each layer on one target by GCC and on one by Zig's clang, half of them in one pool.

    The last image of a pair holds the algorithms that it offers and has not run, and operators
    that are no convolutions. Clang warns of what it reads, not of what it finds while optimising:
    it optimises a quarter of the layers.
    """
    bench = emulated.bench(board, compiler=compiler)
    if part < PARTS:
        chosen = jobs(bench.target, compiler, part, random_layers)
    else:
        others = of_other_kinds(bench.target, PAIRS.index((board, compiler)))
        chosen = [*missing(bench.target, compiler, random_layers), *others]
    options = QUICK if compiler == "zig" and part == 1 else UNITS
    if chosen:
        emulated.check_jobs(chosen, batch.run(tmp_path, chosen, bench, options))


@pytest.mark.parametrize("compiler", sorted(COMPILERS))
@pytest.mark.parametrize("board", PLAYED)
def test_a_core_that_another_plays_is_right(board: str, compiler: str, tmp_path: Path) -> None:
    """Its compiler's own code for it, by every algorithm that it offers for a few layers."""
    bench = emulated.bench(board, compiler=compiler)
    first = FEW * (2 * PLAYED.index(board) + sorted(COMPILERS).index(compiler))
    few = drawn(MIXED, 2 * FEW * len(PLAYED), 15)[first : first + FEW]
    chosen = [job(layer, bench.target, None, overlapping=i % 2 > 0) for i, layer in enumerate(few)]
    chosen = [each for each in chosen if each.chosen]
    assert chosen
    emulated.check_jobs(chosen, batch.run(tmp_path, chosen, bench, UNITS))
