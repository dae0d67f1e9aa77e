"""No named algorithm takes more instructions than it did: exact counts of a few small layers.

The counts are in tests/speed, one file for each target. A rise by more than `TOLERANCE` fails;
where it is meant, `make speed` writes the counts anew, for review. A tool that is missing fails
too: a guard that is skipped guards nothing.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import emulated
import minimal
from cases import OPERATORS, Spec, spec
from convgen.bench.build import toolchain
from convgen.bench.proof.vectors import inputs_of
from convgen.bench.trial import Bench, attempt
from convgen.plans import registry
from convgen.schedule.select import Candidate, survey
from convgen.targets import target
from convgen.targets.target import Target

pytestmark = pytest.mark.emulator

SPEED = Path(__file__).parent / "speed"
BOARDS = ("cortex-m0", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55", "rv32imc")
TOLERANCE = 0.02

Counts = dict[str, dict[str, int]]
"""Instructions by layer and algorithm."""


def after_relu(name: str, in_shape: list[int], out_channels: int, kernel: Any, **more: Any) -> Spec:
    """A layer between two ReLUs, as most are."""
    fields = spec(name, in_shape, out_channels, kernel, activation="relu", **more)
    fields["input"]["zero_point"] = 0 if fields["input"]["dtype"] == "int16" else -128
    return fields


TIED: Spec = {
    "name": "tied",
    "op": "add",
    "inputs": [
        {"shape": [8, 8, 8], "dtype": "int8", "scale": 0.05, "zero_point": 3},
        {"shape": [8, 8, 8], "dtype": "int8", "scale": 0.03, "zero_point": -7},
    ],
    "output": {"scale": 0.06, "zero_point": 1},
}
"""Scales with so many sums in the middle of two outputs that no line gives all."""


LAYERS: tuple[tuple[Spec, tuple[str, ...]], ...] = (
    (
        after_relu("first", [12, 12, 3], 8, 3),
        ("direct", "im2col_p1", "im2col_p2", "im2col_p2_wide_w16"),
    ),
    (after_relu("stride", [12, 12, 8], 16, 3, stride=2), ("direct", "im2col_p1", "im2col_p2")),
    (after_relu("square", [8, 8, 16], 16, 3), ("direct", "winograd_2x2_t1", "winograd_4x4_t1")),
    (after_relu("pointwise", [6, 6, 32], 32, 1), ("direct", "direct_p1_w16", "im2col_full")),
    (
        after_relu("depthwise", [8, 8, 16], 16, 3, groups=16),
        ("direct", "direct_planes", "direct_planes_inplace", "mec"),
    ),
    (
        after_relu("depthwise_5x5", [9, 9, 8], 8, 5, groups=8),
        ("direct", "direct_planes_wide", "direct_planes_wide_r2", "mec"),
    ),
    (
        after_relu("steps", [23, 1, 16], 16, [23, 1], groups=16, padding="valid"),
        ("direct", "direct_lanes"),
    ),
    (after_relu("connected", [1, 1, 128], 32, 1), ("direct", "im2col_full")),
    *((fields, ("add", "pool", "transposed")) for fields in OPERATORS.values()),
    (TIED, ("add",)),
    (
        after_relu("halves", [8, 8, 16], 16, 3, dtype="int16"),
        ("direct_w16", "im2col_p1_w16"),
    ),
    (
        after_relu("depthwise_halves", [8, 8, 16], 16, 3, groups=16, dtype="int16"),
        ("direct_w16",),
    ),
    # a loop over rows that begins above the image
    (
        after_relu("above", [11, 11, 4], 12, [1, 4], stride=[2, 1], padding=[1, 0, 2, 3]),
        ("kn2row_aa",),
    ),
)
"""With the algorithms that are counted. One that cannot do the layer on a target is left out."""


@pytest.mark.parametrize("name", BOARDS)
def test_no_count_rises(name: str, tmp_path: Path, update_speed: bool) -> None:
    board = target.load(name)
    counted = counts(board, tmp_path)
    path = SPEED / f"{name}.toml"
    if update_speed:
        path.write_text(as_toml(board, counted), encoding="utf-8")
    expected = tomllib.loads(path.read_text(encoding="utf-8"))
    compiler = toolchain.find("auto", board).version
    wrong = list(regressions(expected["instructions"], counted))
    assert wrong == [], (
        f"counted with {compiler}, before with {expected['compiler']}; if this is meant, "
        "run `make speed` and review the diff of tests/speed"
    )


def counts(board: Target, folder: Path) -> Counts:
    """Build and run every layer with its algorithms."""
    found: Counts = {}
    for fields, algorithms in LAYERS:
        layer = minimal.operator(fields)
        inputs = inputs_of(layer, seed=0, count=1)
        bench = emulated.bench(board.name, *inputs, strict_alignment=False)
        able = {c.algorithm: c for c in survey(layer, board, overlap=False)[0]}
        found[layer.name] = {
            name: instructions(able[name], bench, folder / f"{layer.name}_{name}")
            for name in algorithms
            if name in able
        }
    return found


def instructions(candidate: Candidate, bench: Bench, folder: Path) -> int:
    trial = attempt(candidate, bench, folder, bench.target.memory.ram, roomy=True)
    assert trial.verified, trial.failure
    assert trial.instructions is not None
    return trial.instructions


def regressions(before: Counts, now: Counts) -> Iterator[str]:
    """Say which counts rose by more than the tolerance, and which are in one of the two only."""
    for layer, algorithm in sorted(pairs(before) | pairs(now)):
        old, new = before.get(layer, {}).get(algorithm), now.get(layer, {}).get(algorithm)
        title = f"{layer}: {algorithm}: "
        if old is None:
            yield title + "not counted before"
        elif new is None:
            yield title + "not counted any more"
        elif new > old * (1 + TOLERANCE):
            yield title + f"{old:,} instructions before, {new:,} now: {new / old - 1:+.1%}"


def pairs(counted: Mapping[str, Mapping[str, int]]) -> set[tuple[str, str]]:
    return {(layer, algorithm) for layer, found in counted.items() for algorithm in found}


def as_toml(board: Target, counted: Counts) -> str:
    lines = ["# Instructions of one call. Written by `make speed`; review the diff."]
    lines.append(f'compiler = "{toolchain.find("auto", board).version}"')
    for layer, found in counted.items():
        lines += ["", f"[instructions.{layer}]"]
        lines += [f"{algorithm} = {count}" for algorithm, count in found.items()]
    return "\n".join(lines) + "\n"


def test_a_rise_a_gap_and_a_new_count_are_told_and_a_fall_is_not() -> None:
    before = {"first": {"direct": 1000, "mec": 1000, "old": 1000, "quick": 1000}}
    now = {"first": {"direct": 1021, "mec": 1020, "quick": 500, "new": 1}}
    assert list(regressions(before, now)) == [
        "first: direct: 1,000 instructions before, 1,021 now: +2.1%",
        "first: new: not counted before",
        "first: old: not counted any more",
    ]


def test_the_algorithms_exist_and_no_file_is_an_orphan() -> None:
    known = {algorithm.name for algorithm in registry.every()}
    assert {name for _, names in LAYERS for name in names} <= known
    assert {path.name for path in SPEED.iterdir()} == {f"{name}.toml" for name in BOARDS}
