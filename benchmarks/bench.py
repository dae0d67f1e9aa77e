"""Measure the layers of peers.json, compare with other libraries, write docs/performance.md.

With `--boards` or `--layers` only a part is measured and printed, and nothing is written. Every
output of every run is compared with the reference: if one is wrong, the script fails and writes
nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection
from functools import partial
from pathlib import Path

import bench_tables as tables
from bench_chart import Chart, svg
from bench_peers import LAYERS, RIVALS
from bench_runs import FIGURES, TRIES, Results, as_json, from_json, measured
from measure import tools

from convgen.sources.render import environment

DOCS = Path(__file__).parents[1] / "docs"
PAGE, CHART = DOCS / "performance.md", DOCS / "performance.svg"
CHARTED = "cortex-m4"

TEMPLATE = Path(__file__).with_name("performance.md.j2")


def main() -> None:
    """Measure; write the page, or print a part of it."""
    options = parse_options()
    if options.page:
        write_page(from_json(FIGURES.read_text(encoding="utf-8")))
        return
    results, failures = measure_all(options)
    if is_whole(options) and not failures:
        FIGURES.write_text(as_json(results), encoding="utf-8")
        write_page(results)
    if failures:
        raise SystemExit("\n".join(failures))


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    for option, known in (("--boards", list(RIVALS)), ("--layers", list(LAYERS))):
        parser.add_argument(
            option,
            type=partial(some_of, known),
            default=known,
            metavar="A,B,C",
            help=f"measure only these, write nothing: {', '.join(known)}",
        )
    parser.add_argument(
        "--tries",
        type=int,
        default=TRIES,
        metavar="N",
        help="measure the N predicted best for each question (default: %(default)s); "
        "with any other N, write nothing",
    )
    parser.add_argument(
        "--page", action="store_true", help="measure nothing: write the page from the figures kept"
    )
    return parser.parse_args()


def is_whole(options: argparse.Namespace) -> bool:
    """Whether everything is measured, as the page says."""
    wanted = (options.boards, options.layers, options.tries)
    return wanted == (list(RIVALS), list(LAYERS), TRIES)


def some_of(known: Collection[str], names: str) -> list[str]:
    """Return the names of a list with commas, in the order of those known."""
    wanted = names.split(",")
    if unknown := set(wanted).difference(known):
        problem = f"expected some of {', '.join(known)}, got {min(unknown)!r}"
        raise argparse.ArgumentTypeError(problem)
    return [name for name in known if name in wanted]


def measure_all(options: argparse.Namespace) -> tuple[Results, list[str]]:
    """Measure; print the tables of each target when it is done; return what went wrong too."""
    results = Results(tools={board: tools(board) for board in options.boards}, answers={})
    failures: list[str] = []
    for board, answers in measured(options.boards, options.layers, options.tries):
        found = {answer.job: answer.best for answer in answers}
        results = Results(tools=results.tools, answers={**results.answers, **found})
        failures += [failure for answer in answers for failure in answer.failures]
        print(f"{board}\n{tables.layers(results, board)}\n", flush=True)
    print(f"{tables.winograd(results)}\n\n{tables.others(results)}\n\n{tables.summary(results)}")
    return results, failures


def write_page(results: Results) -> None:
    """Write the page and its chart."""
    PAGE.write_text(document(results), encoding="utf-8")
    CHART.write_text(svg(chart(results)), encoding="utf-8")


def chart(results: Results) -> Chart:
    """Return the ratios of the target that the chart shows."""
    return Chart(
        title=f"{CHARTED}: instructions, CMSIS-NN = 1",
        rows=tuple(tables.measured_layers(results, CHARTED)),
        series={
            title: tables.ratios(results, CHARTED, question)
            for question, title in tables.QUESTIONS.items()
        },
    )


def document(results: Results) -> str:
    """Return the whole page."""
    template = environment().from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(results=results, tables=tables, tries=TRIES, charted=CHARTED)


if __name__ == "__main__":
    main()
