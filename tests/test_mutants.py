"""Generated layers whose sums are wrong by one are found by the inputs that convgen makes up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

import minimal
import native
from cases import CASES, spec
from convgen.bench.proof import vectors
from convgen.model.ops.conv2d import Conv2d
from convgen.plans import registry
from convgen.targets import target
from native import Job, Variant
from planned import planned

pytestmark = pytest.mark.slow

MUTANTS = 60
LAYERS = [
    *(CASES[name] for name in ("first", "valid", "pointwise", "depthwise", "grouped")),
    spec("connected", [1, 1, 64], 10, 1),
    spec("connected_once", [1, 1, 24], 12, 1, requantize={"rounding": "single"}),
    spec("clamped", [3, 4, 4], 8, 3, activation={"min": -100, "max": 90}),
]


@dataclass(frozen=True)
class Mutant:
    """One layer with one sum wrong by one, done with one algorithm."""

    right: Conv2d
    wrong: Conv2d
    algorithm: str
    channel: int
    error: int

    def __str__(self) -> str:
        return f"{self.right.name}, {self.algorithm}, channel {self.channel}, error {self.error}"


def mutants(number: int) -> list[Mutant]:
    """Make *number* of them, layers and algorithms in turn, channels and errors at random."""
    rng = np.random.default_rng(14)
    layers = [minimal.load(fields) for fields in LAYERS]
    board = native.played_here(target.load("cortex-m4"))
    made = []
    for index in range(number):
        right = layers[index % len(layers)]
        able = list(registry.able(right, board))
        channel, error = int(rng.integers(right.geometry.out_c)), int(rng.choice([-1, 1]))
        bias = np.zeros(right.geometry.out_c, np.int32) if right.bias is None else right.bias
        wrong = bias.astype(np.int32)
        wrong[channel] += error
        made.append(
            Mutant(
                right=right,
                wrong=replace(right, name=f"{right.name}_{index}", bias=wrong),
                algorithm=able[index // len(layers) % len(able)],
                channel=channel,
                error=error,
            )
        )
    return made


def test_sixty_layers_with_a_sum_off_by_one_are_all_found(tmp_path: Path) -> None:
    board = native.played_here(target.load("cortex-m4"))
    made = mutants(MUTANTS)
    given = {m.right.name: vectors.made_up(m.right, seed=0) for m in made}
    jobs = [
        Job(
            chosen=[Variant(plan=planned(m.algorithm, m.wrong, board), pool=None)],
            target=board,
            inputs=given[m.right.name].inputs[0],
        )
        for m in made
    ]
    missed = []
    for mutant, outputs in zip(made, native.run(tmp_path, jobs), strict=True):
        [wrong] = outputs.values()
        both = given[mutant.right.name].right
        assert both is not None
        (right,) = both
        if np.array_equal(wrong, right):
            missed.append(str(mutant))
        # It is wrong in that channel alone, or the test shows nothing.
        others = np.arange(right.shape[-1]) != mutant.channel
        np.testing.assert_array_equal(wrong[..., others], right[..., others])
    assert missed == []
