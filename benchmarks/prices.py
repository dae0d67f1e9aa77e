"""Prices of units of work, fitted to measured runs; README.md beside this file tells the method."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from remembered import Measured

from convgen.plans.kernels.portable import DOT, LANES
from convgen.plans.plan import Plan
from convgen.schedule.cost import block_parts, general_names, price, priced, stack_key

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Table = tuple[str, str]  # ISA class, arithmetic
Prices = Mapping[str, float]

REST = 1.0
"""What a rest costs the fit, for the share of a run that it explains where it explains most."""

WORTH, WORTH_ANOTHER = 0.95, 0.5
"""Of that, what a rest has to be worth before it is anything but nought: few prices do.

The second is of a price that differs from another core's.
"""

WORTH_A_NAME = 0.03
"""By how much less the sum of squared errors has to be for a price more."""

ALIKE = 0.05
"""What differs by less from what is more general is no price of its own."""

TINY_RIDGE = 1e-9
"""Keeps what no run tells apart apart."""

LEAST_REST = 0.05  # instructions: less is no price of its own
NEAR, HARD, HOPELESS = 0.08, 4, 0.35
"""Errors above `NEAR` count by up to `HARD` times as much; those above `HOPELESS` less again: no
price makes up for registers that the compiler has not found."""

ROUNDS = 5
FOLDS = 6
CLOSE = 0.05  # a choice that costs at most this much more than the best is right
TINY = 1e-9
DEEPEST = 9  # more than there are ever more general names
SURROUNDED = (*DOT.names, *LANES.names, "output.", "partial.", "kn2row.", "row", "call")
"""How units of plain C begin; a function in assembly costs the same in the code of any family."""


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

    @classmethod
    def of(cls, plan: Plan, table: Table, layer: str, measured: Measured) -> Sample:
        """Return what was *measured* of *plan*."""
        return cls(
            table=table,
            layer=layer,
            algorithm=plan.algorithm,
            family=plan.family,
            work=plan.work,
            measured=measured,
            stack_key=stack_key(plan),
        )

    def predict(self, prices: Prices) -> float:
        """Return its instructions by its work and *prices*."""
        return sum(
            count * price(prices, self.family, unit) for unit, count in self.work.items() if count
        )


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
            f"{(errors <= 0.15).mean():.0%} within 15%, {(errors <= 0.25).mean():.0%} within 25%, "
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


def predict_left_out(samples: Sequence[Sample], like: Prices | None = None) -> Predicted:
    """Predict each layer by prices fitted without it: with one of `FOLDS` parts left out each."""
    fold = {layer: i % FOLDS for i, layer in enumerate(sorted({s.layer for s in samples}))}
    roots = {
        general_names(piece)[-1]
        for sample in samples
        for unit in sample.work
        for piece in block_parts(unit) or [unit]
    }
    known = dict.fromkeys(roots, 0.0) | dict(
        like or {}
    )  # nought for what only layers left out have
    fits = [
        known | fit([s for s in samples if fold[s.layer] != part], like) for part in range(FOLDS)
    ]
    predicted = [sample.predict(fits[fold[sample.layer]]) for sample in samples]
    return Predicted(samples=samples, instructions=predicted)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class _Part:
    """What prices consist of: what is most general, and of all else what it costs more or less."""

    depth: int
    name: str

    @property
    def is_root(self) -> bool:
        """Whether there is nothing more general."""
        return self.depth == 0


def bring_up(samples: Sequence[Sample], prices: Prices) -> dict[str, float]:
    """Return *prices* with what has to differ for *samples*, and the few more that are worth it."""
    found = {**prices, **fit(samples, prices, special=True)}
    for name in sorted(found.keys() - prices.keys()):
        without = {other: found[other] for other in found if other != name}
        if not _is_root(name) and _loss(samples, without) < _loss(samples, found) + WORTH_A_NAME:
            found = without
    return dict(sorted(_without_alike(found).items()))


def _without_alike(prices: Prices) -> Prices:
    """Return *prices* but for those that what is more general comes near to, special ones first."""
    found = dict(prices)
    for name in sorted(prices, key=len, reverse=True):
        if _is_root(name):
            continue
        own = found.pop(name)
        general = price(found, "", name.rpartition("/")[2])
        if abs(general - own) > ALIKE * own:
            found[name] = own
    return found


def _is_root(unit: str) -> bool:
    """Whether nothing more general has a price in place of *unit*."""
    return "/" not in unit and not block_parts(unit) and general_names(unit) == [unit]


def _loss(samples: Sequence[Sample], prices: Prices) -> float:
    return float((predict(samples, prices).errors ** 2).sum())


def fit(
    samples: Sequence[Sample], like: Prices | None = None, *, special: bool = False
) -> dict[str, float]:
    """Return the prices with the least relative errors, of which few are of their own.

    With *like*, prices of a core that is much alike: only what differs from them. *special*: of
    what is more special than those, too.
    """
    keys = sorted({(s.family, unit) for s in samples for unit, count in s.work.items() if count})
    families = Counter(unit for _, unit in keys)
    composed = [
        _parts(family, unit, shared=families[unit] > 1)
        if like is None
        else _known_parts(family, unit, like, special=special, shared=families[unit] > 1)
        for family, unit in keys
    ]
    parts = sorted({part for some in composed for part in some})
    shares = np.array(
        [[(s.family == family) * s.work.get(unit, 0) for family, unit in keys] for s in samples]
    )
    counts = np.array([[some.get(part, 0) for part in parts] for some in composed])
    matrix = shares / _measured(samples)[:, None] @ counts
    rests = np.array([not part.is_root for part in parts])
    before = np.array(
        [(like or {}).get(part.name, 0.0) if not part.is_root else 0.0 for part in parts]
    )
    missing = 1 - matrix @ before
    weights, values = np.ones(len(samples)), np.zeros(len(parts))
    worth = WORTH if like is None else WORTH_ANOTHER
    for _ in range(ROUNDS):
        values = _solve(matrix, missing, weights, worth * rests, values)
        weights = _weights(np.abs(matrix @ values - missing))
    found = dict(zip(parts, values.tolist(), strict=True))
    return _prices(found) if like is None else _differing(found, like)


def _parts(family: str, unit: str, *, shared: bool) -> dict[_Part, int]:
    """Return what the price of *unit* in the code of *family* consists of, and how often."""
    found: dict[_Part, int] = {}
    pieces = block_parts(unit)
    for name, count in (pieces or {unit: 1}).items():
        names = general_names(name)
        found |= {_Part(depth=len(names) - 1 - i, name=of): count for i, of in enumerate(names)}
    if pieces:
        found[_Part(depth=DEEPEST - 1, name=unit)] = 1
    if shared and unit.startswith(SURROUNDED):
        found[_Part(depth=DEEPEST, name=f"{family}/{unit}")] = 1
    return found


def _known_parts(
    family: str, unit: str, like: Prices, *, special: bool, shared: bool
) -> dict[_Part, int]:
    """Return which prices of *like* make up that of *unit*; of what it does not know, the roots.

    With *special*, also the unit's own price and that in the code of *family*, where it has none.
    """
    try:
        known = priced(like, family, unit)
    except KeyError:
        parts = _parts(family, unit, shared=False)
        return {part: count for part, count in parts.items() if part.is_root}
    found = {_Part(depth=1, name=name): count for name, count in known.items()}
    own = f"{family}/{unit}"
    if special and not known.keys() & {unit, own}:
        pieces = {n: c for n, c in block_parts(unit).items() if not _is_root(n) and n not in known}
        found |= {_Part(depth=DEEPEST - 2, name=name): count for name, count in pieces.items()}
        found[_Part(depth=DEEPEST - 1, name=unit)] = 1
    if special and shared and unit.startswith(SURROUNDED) and own not in known:
        found[_Part(depth=DEEPEST, name=own)] = 1
    return found


def _weights(errors: Floats) -> Floats:
    """Return what a run of each error counts in the next round."""
    hard = np.clip(errors / NEAR, 1, HARD)
    return np.sqrt(hard / np.maximum(1, (errors / HOPELESS) ** 2))


def _solve(matrix: Floats, wanted: Floats, weights: Floats, worth: Floats, guess: Floats) -> Floats:
    """Return the value of each part: of roots, *worth* nought, at least nought; of rests any.

    A rest costs what it does to the run that it does most to. *guess*: the values of the round
    before.
    """
    rests = worth > 0
    ridges = REST * matrix.max(axis=0) * rests
    ridges = np.concatenate([ridges, ridges[rests]])
    least = np.concatenate([worth, worth[rests]])
    weighted = np.hstack([matrix, -matrix[:, rests]]) * weights[:, None]
    products = weighted.T @ weighted + np.diag(ridges**2 + TINY_RIDGE)
    start = np.concatenate([guess, -guess[rests]]) > 0
    solved = non_negative(products, weighted.T @ (weights * wanted) - least * ridges, start)
    values = solved[: len(rests)].copy()
    values[rests] -= solved[len(rests) :]
    return values


def _differing(parts: Mapping[_Part, float], like: Prices) -> dict[str, float]:
    """Return what *parts* make of prices that are not as in *like*."""
    found: dict[str, float] = {}
    for part, value in sorted(parts.items()):
        if part.is_root:
            before = 0.0
        elif abs(value) < LEAST_REST:
            continue
        elif part.name in like:
            before = like[part.name]
        else:
            before = price({**like, **found}, "", part.name.rpartition("/")[2])
        found[part.name] = round(max(0.0, value + before), 2)
    return found


def _prices(parts: Mapping[_Part, float]) -> dict[str, float]:
    """Return what the parts add up to; of rests only what is a price of its own."""
    found: dict[str, float] = {}
    for part in sorted(parts):
        if part.is_root:
            found[part.name] = parts[part]
        elif abs(parts[part]) >= LEAST_REST:
            general = price(found, "", part.name.rpartition("/")[2])
            found[part.name] = general + parts[part]
    return {name: round(max(0.0, value), 2) for name, value in sorted(found.items())}


def _measured(samples: Sequence[Sample]) -> Floats:
    return np.array([sample.measured.instructions for sample in samples], float)


def non_negative(products: Floats, wanted: Floats, start: Flags) -> Floats:
    """Solve ``products @ x = wanted`` for the best x >= 0, by an active set; *start* is a guess.

    Source: R. Bro, S. de Jong, "A fast non-negativity-constrained least squares algorithm",
    J. Chemometrics 11 (1997), section 2.
    """
    free = start.copy()
    x = _solved(products, wanted, free)
    while (x < 0).any():
        free &= x > 0
        x = _solved(products, wanted, free)
    while True:
        gains = np.where(free, -np.inf, wanted - products @ x)
        best = int(gains.argmax())
        if gains[best] <= TINY:
            return x
        free[best] = True
        x = _feasible(products, wanted, x, free)


def _feasible(products: Floats, wanted: Floats, x: Floats, free: Flags) -> Floats:
    """Return the solution of what is *free*, without what would be negative in it."""
    while True:
        solved = _solved(products, wanted, free)
        bad = free & (solved <= 0)
        if not bad.any():
            return solved
        x = x + (x[bad] / (x[bad] - solved[bad])).min() * (solved - x)
        free &= x > TINY
        x = np.where(free, x, 0.0)


def _solved(products: Floats, wanted: Floats, free: Flags) -> Floats:
    solved = np.zeros(len(wanted))
    solved[free] = np.linalg.solve(products[np.ix_(free, free)], wanted[free])
    return solved
