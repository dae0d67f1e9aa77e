"""What `bench` measures: for each layer and target the best algorithm within each limit."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import cycles
from bench_peers import LAYERS, PeerLayer
from measure import bench_for, in_parallel, load, measure

from convgen.bench.trial import Bench
from convgen.errors import ConvgenError
from convgen.schedule.select import Candidate, survey, undemanding
from convgen.targets import target

FIGURES = Path(__file__).with_name("performance.json")
WITH_CYCLES = ("cortex-m4",)
TRIES = 3  # of the predicted best for each question: predictions are not exact
KIB = 1024

PEER, NONE, ANY, INT8 = "peer", "none", "any", "int8"
WIDENED = "_w16"  # ends the ids of variants with weights of 16 bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which of the algorithms whose names begin so is the best within *limit* bytes?

    ``limit`` is of workspace, None where there is none. ``widened`` is whether weights may take
    more flash.
    """

    limit: int | None
    algorithms: str = ""
    widened: bool = True

    def admits(self, algorithm: str, workspace: int) -> bool:
        """Whether an algorithm with a workspace is meant."""
        named = algorithm.startswith(self.algorithms)
        fits = self.limit is None or workspace <= self.limit
        return named and fits and (self.widened or not algorithm.endswith(WIDENED))


WINOGRAD_LAYERS = ("r8_s1", "r8_s2", "r8_s3")
WINOGRAD: dict[str, dict[str, Question]] = {
    "cortex-m4": {
        "winograd_2x2": Question(limit=4 * KIB, algorithms="winograd_2x2"),
        "winograd_4x4": Question(limit=16 * KIB, algorithms="winograd_4x4"),
    },
}
"""What else is asked of these layers, by target."""

ALSO: dict[str, dict[str, Question]] = {
    "cortex-m4": {INT8: Question(limit=0, widened=False)},
}
"""What else is asked of all layers, by target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the best algorithm takes; sizes in bytes. ``cycles`` are estimated, on some targets."""

    algorithm: str
    instructions: int
    workspace: int
    stack: int
    code: int
    constants: int
    cycles: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A layer on a target."""

    board: str
    layer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """The best for each question about a job, and what went wrong in sentences."""

    job: Job
    best: Mapping[str, Figures]
    failures: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """All answers, and what built and ran the layers of each target."""

    tools: Mapping[str, str]
    answers: Mapping[Job, Mapping[str, Figures]]

    @property
    def boards(self) -> list[str]:
        """The targets."""
        return list(self.tools)

    def of(self, board: str, question: str) -> dict[str, Figures]:
        """Return the best for a question by layer, where there is one."""
        return {
            job.layer: best[question]
            for job, best in self.answers.items()
            if job.board == board and question in best
        }


def questions(board: str, layer: PeerLayer) -> dict[str, Question]:
    """Return what is asked of a layer on a target."""
    rival = layer.rival(board)
    asked = {PEER: Question(limit=rival.workspace)} if rival else {}
    asked |= {NONE: Question(limit=0), ANY: Question(limit=None)}
    asked |= ALSO.get(board, {})
    return asked | (WINOGRAD.get(board, {}) if layer.name in WINOGRAD_LAYERS else {})


def shortlist(
    candidates: Iterable[Candidate], question: Question, tries: int = TRIES
) -> list[Candidate]:
    """Return those that the question admits and that are predicted to be the fastest."""
    admitted = (c for c in candidates if question.admits(c.algorithm, c.plan.workspace_bytes))
    return sorted(admitted, key=lambda candidate: candidate.instructions)[:tries]


def fastest(figures: Iterable[Figures], question: Question) -> Figures | None:
    """Return the one that the question admits with the fewest instructions measured."""
    admitted = [f for f in figures if question.admits(f.algorithm, f.workspace)]
    return min(admitted, key=lambda found: (found.instructions, found.workspace), default=None)


def answers(job: Job, tries: int = TRIES) -> Answers:
    """Measure the shortlists of all questions about *job*."""
    layer, board = load(LAYERS[job.layer].spec), target.load(job.board)
    bench = bench_for(layer, board)
    candidates = undemanding(survey(layer, board, overlap=False)[0])
    asked = questions(job.board, LAYERS[job.layer])
    wanted = {c.algorithm: c for q in asked.values() for c in shortlist(candidates, q, tries)}
    figures: dict[str, Figures] = {}
    failures = []
    for name, candidate in wanted.items():
        try:
            figures[name] = _figures(candidate, bench)
        except ConvgenError as error:
            failures.append(f"{job.board}: {job.layer}: {name}: {error}")
    best = {name: fastest(figures.values(), question) for name, question in asked.items()}
    found = {name: winner for name, winner in best.items() if winner}
    try:
        found = with_cycles(found, wanted, bench)
    except ConvgenError as error:
        failures.append(f"{job.board}: {job.layer}: cycles: {error}")
    return Answers(job=job, best=found, failures=failures)


def _figures(candidate: Candidate, bench: Bench) -> Figures:
    plan = candidate.plan
    found = measure(plan, bench, candidate.instructions)
    return Figures(
        algorithm=plan.algorithm,
        instructions=found.instructions,
        workspace=plan.workspace_bytes,
        stack=found.stack_bytes,
        code=found.code_bytes,
        constants=plan.constant_bytes,
    )


def with_cycles(
    best: Mapping[str, Figures], candidates: Mapping[str, Candidate], bench: Bench
) -> dict[str, Figures]:
    """Return *best* with estimated cycles, on targets that have them.

    One algorithm may be the best for several questions: it is run once.
    """
    if bench.target.name not in WITH_CYCLES:
        return dict(best)
    estimates = {
        name: cycles.estimate(candidates[name].plan, bench, candidates[name].instructions)
        for name in {found.algorithm for found in best.values()}
    }
    return {
        name: replace(found, cycles=estimates[found.algorithm].cycles)
        for name, found in best.items()
    }


def measured(
    boards: Sequence[str], layers: Sequence[str], tries: int
) -> Iterator[tuple[str, list[Answers]]]:
    """Measure *layers*; yield the answers of each target in turn."""
    jobs = {board: [Job(board=board, layer=layer) for layer in layers] for board in boards}
    yield from in_parallel(partial(answers, tries=tries), jobs)


# Figures kept in a file, from which the page is written


def as_json(results: Results) -> str:
    """Return the text of the file: one line for each answer."""
    boards = []
    for board, tool in results.tools.items():
        layers = [
            _layer_text(job.layer, best)
            for job, best in results.answers.items()
            if job.board == board
        ]
        text = ",\n".join(layers)
        boards.append(f'"{board}": {{\n"tools": {json.dumps(tool)},\n"layers": {{\n{text}\n}}}}')
    return "{\n" + ",\n".join(boards) + "\n}\n"


def _layer_text(layer: str, best: Mapping[str, Figures]) -> str:
    lines = (f'  "{question}": {json.dumps(asdict(found))}' for question, found in best.items())
    return f'"{layer}": {{\n' + ",\n".join(lines) + "\n}"


def from_json(text: str) -> Results:
    """Return what `as_json` wrote."""
    boards = json.loads(text)
    return Results(
        tools={board: fields["tools"] for board, fields in boards.items()},
        answers={
            Job(board=board, layer=layer): {
                question: Figures(**figures) for question, figures in best.items()
            }
            for board, fields in boards.items()
            for layer, best in fields["layers"].items()
        },
    )
