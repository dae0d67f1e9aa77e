"""Hold targets/cost against random layers that no fit saw; README.md tells what it means."""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
from fit_cost import BOARDS, TARGETS, Job, board_list, measured, prices_of
from prices import Predicted, Sample, predict
from shapes import VALIDATION

Counts = dict[str, dict[str, int]]  # layer, algorithm

FAR = 0.25
"""No prediction should be further off."""


def main() -> None:
    """Measure and print."""
    options = parse_options()
    counts: dict[str, Counts] = {}
    for table, board in BOARDS.items():
        if board in options.boards and table[1] in options.arithmetic:
            numbers = range(options.first, options.first + options.layers)
            jobs = [
                Job(table=table, layer=number, whole=options.whole, two=options.two)
                for number in numbers
            ]
            for _, samples in measured({table: jobs}):
                counts[board] = as_counts(samples)
                print_errors(f"{board} {table[1]}", predict(samples, prices_of(table)))
    if options.write:
        options.write.write_text(as_json(counts), encoding="utf-8")


def as_counts(samples: Iterable[Sample]) -> Counts:
    """Return the instructions of each layer's algorithms."""
    counts: Counts = defaultdict(dict)
    for sample in samples:
        counts[sample.layer][sample.algorithm] = sample.measured.instructions
    return counts


def as_json(counts: Mapping[str, Counts]) -> str:
    """Return ``{board: {layer: {algorithm: instructions}}}``, a line for each layer."""
    boards = (
        f"{json.dumps(board)}: {{\n"
        + ",\n".join(f"{json.dumps(layer)}: {json.dumps(found)}" for layer, found in layers.items())
        + "\n}"
        for board, layers in counts.items()
    )
    return "{\n" + ",\n".join(boards) + "\n}\n"


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    arithmetic = sorted({name for _, name in BOARDS})
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--boards", type=board_list, default=TARGETS, metavar="A,B,C")
    parser.add_argument("--arithmetic", choices=arithmetic, nargs="+", default=arithmetic)
    parser.add_argument(
        "--first", type=int, default=VALIDATION, metavar="N", help="the first (%(default)s)"
    )
    parser.add_argument(
        "--write",
        type=Path,
        metavar="FILE",
        help="keep the counts, as unseen.json does for the tests",
    )
    parser.add_argument(
        "--layers", type=int, default=200, metavar="N", help="how many (%(default)s)"
    )
    parser.add_argument(
        "--whole", action="store_true", help="all algorithms of a layer, not one of each family"
    )
    parser.add_argument(
        "--two", action="store_true", help="two of a layer's algorithms, others for each layer"
    )
    return parser.parse_args()


def print_errors(title: str, predicted: Predicted) -> None:
    """Print how good the predictions are, in all and for each family."""
    print(f"{title}: {predicted.summary()}")
    for line in distribution(predicted):
        print(f"    {line}", flush=True)


def distribution(predicted: Predicted) -> Iterator[str]:
    """Say of each family how its ratios of predicted to measured lie, and what is far off."""
    ratios: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for sample, error in zip(predicted.samples, predicted.errors, strict=True):
        name = f"{sample.algorithm} of {sample.layer}"
        ratios[sample.family].append((1 + float(error), name))
        ratios["all"].append((1 + float(error), name))
    for family, found in ratios.items():
        some = sorted(found)
        values = np.array([ratio for ratio, _ in some])
        far = int((np.abs(values - 1) > FAR).sum())
        (low, lowest), (high, highest) = some[0], some[-1]
        yield (
            f"{family}: {len(some)} runs, {far} off by more than {FAR:.0%}, median "
            f"{np.median(values):.2f}, from {low:.2f} ({lowest}) to {high:.2f} ({highest})"
        )


if __name__ == "__main__":
    main()
