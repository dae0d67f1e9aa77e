"""Prices of units of work, fitted to measured runs; README.md beside this file tells the method."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from measure import BLOCK_UNIT, Measured
from numpy.typing import NDArray

from convgen.plans.conv.winograd_pairs import SHAPES
from convgen.plans.kernels.portable import DOT, LANES
from convgen.schedule.cost import price

Floats = NDArray[np.float64]
Table = tuple[str, str]  # ISA class, arithmetic
Prices = Mapping[str, float]

SHAPE_RIDGE = 1e-3  # per instruction that a shape of block costs more than its loads and products
FAMILY_RIDGE = 3e-2  # per instruction that a unit costs more or less in the code of one family
UPDATE_RIDGE = 0.1  # per old price by which an update changes a unit's
OWN_UPDATE_RIDGE = 0.3  # the same of a unit in the code of one family
LEAST_CHANGE = 0.5  # instructions: what a small price changes by as easily
FAR = 0.3  # an error so large is mostly the compiler's
FOLDS = 8
CLOSE = 0.05  # a choice that costs at most this much more than the best is right


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One algorithm on one layer: the work it counts and what was measured."""

    table: Table
    layer: str
    algorithm: str
    family: str
    work: Mapping[str, int]
    measured: Measured
    stack_key: str = ""

    def predict(self, prices: Prices) -> float:
        """Return its instructions by its work and *prices*."""
        return sum(count * price(prices, self.family, unit) for unit, count in self.work.items())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Predicted:
    """Samples, and what was predicted for each."""

    samples: Sequence[Sample]
    instructions: Sequence[float]

    @property
    def errors(self) -> Floats:
        """Predicted over measured, less one, of each sample."""
        return np.array(self.instructions) / _measured(self.samples) - 1

    def choices(self) -> list[float]:
        """Return what the predicted best costs over the measured best, less one, by layer.

        The best is of what convgen may choose by itself: of what asks nothing of the caller.
        """
        layers: dict[str, list[tuple[int, Measured]]] = defaultdict(list)
        for sample, predicted in zip(self.samples, self.instructions, strict=True):
            if not sample.measured.asks:
                layers[sample.layer].append((round(predicted), sample.measured))
        return [choice_cost(candidates) for candidates in layers.values()]

    def summary(self) -> str:
        """Say how good the predictions are, which is the worst, and what they do to choices."""
        errors, choices = np.abs(self.errors), self.choices()
        worst, right = self.samples[int(errors.argmax())], sum(loss <= CLOSE for loss in choices)
        return (
            f"{len(errors)} runs: mean {errors.mean():.1%}, "
            f"90% within {np.quantile(errors, 0.9):.1%}, {(errors <= 0.15).mean():.0%} within 15%, "
            f"worst {errors.max():.0%} ({worst.layer} {worst.algorithm}); the predicted fastest "
            f"is at most {CLOSE:.0%} slower than the fastest in {right} of {len(choices)} layers"
        )


def choice_cost(candidates: Sequence[tuple[int, Measured]]) -> float:
    """Return what the predicted fastest costs over the fastest, less one.

    Of those predicted alike it is the one with the least memory, as `convgen.schedule.select`
    orders them.
    """
    _, chosen = min(candidates, key=lambda pair: (pair[0], pair[1].ram_without_stack))
    return chosen.instructions / min(found.instructions for _, found in candidates) - 1


def predict(samples: Sequence[Sample], prices: Prices) -> Predicted:
    """Predict all *samples* with the same prices."""
    return Predicted(samples=samples, instructions=[s.predict(prices) for s in samples])


def predict_left_out(samples: Sequence[Sample]) -> Predicted:
    """Predict each layer by prices fitted without it: with one of `FOLDS` parts left out each."""
    fold = {layer: i % FOLDS for i, layer in enumerate(sorted({s.layer for s in samples}))}
    fits = [fit([s for s in samples if fold[s.layer] != part]) for part in range(FOLDS)]
    predicted = [sample.predict(defaultdict(float, fits[fold[sample.layer]])) for sample in samples]
    return Predicted(samples=samples, instructions=predicted)


def fit(samples: Sequence[Sample]) -> dict[str, float]:
    """Return the prices with the least relative errors, squared: of units, and of families."""
    units = sorted({unit for sample in samples for unit in sample.work} | _block_units())
    parts_of = [_parts(unit) for unit in units]
    parts = sorted(set().union(*parts_of))
    composed = np.array([[own.get(part, 0) for part in parts] for own in parts_of])
    own = _shared_units(samples)
    counts = np.array([[sample.work.get(unit, 0) for unit in units] for sample in samples])
    own_counts = np.array(
        [[(s.family == family) * s.work.get(unit, 0) for family, unit in own] for s in samples]
    )
    matrix = np.hstack([counts @ composed, own_counts, -own_counts]) / _measured(samples)[:, None]
    ridge = [SHAPE_RIDGE if BLOCK_UNIT.fullmatch(part) else 0.0 for part in parts]
    ridge += [FAMILY_RIDGE] * 2 * len(own)
    solved = non_negative_least_squares(
        np.vstack([matrix, np.diag(ridge)]),
        np.concatenate([np.ones(len(samples)), np.zeros(len(ridge))]),
    )
    common, more, less = np.split(solved, [len(parts), len(parts) + len(own)])
    prices = dict(zip(units, (composed @ common).tolist(), strict=True))
    for (family, unit), rest in zip(own, (more - less).tolist(), strict=True):
        prices[f"{family}/{unit}"] = max(0.0, prices[unit] + rest)
    return {name: round(value, 2) for name, value in prices.items()}


def update(samples: Sequence[Sample], prices: Prices) -> dict[str, float]:
    """Return *prices*, changed as little as explains *samples*: of units, and of families less.

    A change has a cost, as large for any price: `UPDATE_RIDGE`, `OWN_UPDATE_RIDGE` for a family's.
    Errors above `FAR` count by their size, not by its square: no price can make up for them.
    """
    keys = sorted({(s.family, unit) for s in samples for unit, count in s.work.items() if count})
    units = sorted({unit for _, unit in keys})
    before = np.array([price(prices, family, unit) for family, unit in keys])
    scale = np.maximum(before, LEAST_CHANGE)
    counts = np.array(
        [[(s.family == family) * s.work.get(unit, 0) for family, unit in keys] for s in samples]
    )
    relative = counts / _measured(samples)[:, None]
    common = np.array([[own == unit for unit in units] for _, own in keys], float)
    matrix = np.hstack([(relative * scale) @ common, relative * scale])
    ridge = np.diag([UPDATE_RIDGE] * len(units) + [OWN_UPDATE_RIDGE] * len(keys))
    wanted, weights, after = 1 - relative @ before, np.ones(len(samples)), before
    for _ in range(3):
        changes = np.linalg.lstsq(
            np.vstack([matrix * weights[:, None], ridge]),
            np.concatenate([wanted * weights, np.zeros(len(ridge))]),
            rcond=None,
        )[0]
        shared, own = np.split(changes, [len(units)])
        after = np.maximum(0, before + scale * (common @ shared + own))
        weights = 1 / np.maximum(1, np.abs(relative @ after - 1) / FAR)
    return {**prices, **_named(keys, after.tolist(), prices)}


def _named(
    keys: Sequence[tuple[str, str]], values: Sequence[float], prices: Prices
) -> dict[str, float]:
    """Return the price of each unit of a family by its name: that of all if no other has it."""
    families = Counter(unit for _, unit in keys)
    others = {name.split("/")[1] for name in prices if "/" in name}
    return {
        unit if families[unit] == 1 and unit not in others else f"{family}/{unit}": round(value, 2)
        for (family, unit), value in zip(keys, values, strict=True)
    }


def _measured(samples: Sequence[Sample]) -> Floats:
    return np.array([sample.measured.instructions for sample in samples], float)


def _shared_units(samples: Sequence[Sample]) -> list[tuple[str, str]]:
    """Return ``(family, unit)`` of all units that several families have."""
    families = defaultdict(set)
    for sample in samples:
        for unit, count in sample.work.items():
            if count:
                families[unit].add(sample.family)
    return sorted(
        (family, unit) for unit, found in families.items() if len(found) > 1 for family in found
    )


def _block_units() -> set[str]:
    """Return the units of every shape of block there can be, measured or not."""
    return {
        f"{name}_{pixels}x{channels}.{loop}"
        for kernel in (DOT, LANES)
        for name in kernel.names
        for _, most_pixels, most_channels in kernel.blocks
        for pixels in range(1, most_pixels + 1)
        for channels in range(1, most_channels + 1)
        for loop in ("step", "unrolled")
    } | {
        f"pairs_{shape.name}.{unit}"
        for _, shapes in SHAPES
        for shape in shapes
        for unit in ("pair", "position")
    }


def _parts(unit: str) -> dict[str, int]:
    """Return what adds up to the price of *unit*: for a block its loads, its products, a rest."""
    shape = BLOCK_UNIT.fullmatch(unit)
    if not shape:
        return {unit: 1}
    kernel, loop, pixels, channels = shape[1], shape[4], int(shape[2]), int(shape[3])
    products = pixels * channels
    loads = channels + (products if kernel in LANES.names else pixels)
    return {
        unit: 1,
        f"{loop}s": 1,
        f"{kernel}.{loop}_mac": products,
        f"{kernel}.{loop}_load": loads,
    }


def non_negative_least_squares(matrix: Floats, wanted: Floats) -> Floats:
    """Solve ``matrix @ x = wanted`` for x >= 0, by Lawson and Hanson's active sets."""
    norms = np.linalg.norm(matrix, axis=0)
    scale = np.where(norms, norms, 1)
    matrix = matrix / scale
    products, aim = matrix.T @ matrix, matrix.T @ wanted
    x = np.zeros(matrix.shape[1])
    free = np.zeros(matrix.shape[1], bool)
    while True:
        gain = np.where(free, 0, aim - products @ x)
        if gain.max() < 1e-9:
            return x / scale
        free[gain.argmax()] = True
        while True:
            best = np.zeros_like(x)
            best[free] = np.linalg.lstsq(products[np.ix_(free, free)], aim[free], rcond=None)[0]
            below = free & (best <= 0)
            if not below.any():
                break
            x += (x[below] / (x[below] - best[below])).min() * (best - x)
            free &= x > 1e-12
        x = best
