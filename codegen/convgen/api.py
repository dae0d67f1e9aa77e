"""What convgen is for programs; the command line is one, and uses nothing else.

A layer or network is read, planned, printed and proved by one function each. Every value between
them is frozen, the functions up to `emit` write nothing. `run` does all of it as the command does,
which chooses by what was measured. Nothing is printed. Errors are `ConvgenError`. Sizes are bytes:
a number, or text such as ``64k``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from convgen.choices import Ends, Feed, Fusion, Goal, Reference, Schema
from convgen.errors import (
    BuildError,
    ConvgenError,
    NoFitError,
    SpecError,
    TargetError,
    ToolError,
    UsageError,
    VerificationError,
    explained,
)
from convgen.options import Job, PlanOptions, ReadOptions, RunOptions, refuse_without_model
from convgen.progress import Say
from convgen.size import Size

if TYPE_CHECKING:  # each function imports what it needs: to list targets takes no NumPy
    from convgen.formats.tflite.listing import Listed
    from convgen.jobs import Outcome
    from convgen.model.graph import Graph
    from convgen.model.operator import Operator
    from convgen.planning import Planned
    from convgen.plans.plan import Variant
    from convgen.report.diff import Diff
    from convgen.report.junit import Junit
    from convgen.report.listings import Listing
    from convgen.targets.target import Target
    from convgen.together import Together

__all__ = [
    "BuildError", "ConvgenError", "Job", "NoFitError", "PlanOptions", "ReadOptions", "RunOptions",
    "SpecError", "TargetError", "ToolError", "UsageError", "VerificationError",
    "algorithms", "diff", "emit", "extract", "junit", "listing", "operators", "plan", "read",
    "run", "schema", "targets", "together", "tools", "verify",
    "without_result",
]  # fmt: skip


What = Literal["targets", "algorithms", "tools", "operators"]


def _silent(_text: str) -> None:
    pass


@explained()
def read(  # noqa: PLR0913 - what a path may be read with
    path: str | Path,
    *,
    layer: str | None = None,
    name: str | None = None,
    seed: int = 0,
    allow_outside: bool = False,
    ends: Ends = "model",
    reference: Reference = "litert",
) -> Operator | Graph:
    """Return the layer of a spec, or the network of a .tflite file after all passes.

    `ReadOptions` has what the keywords mean. Raises SpecError and UsageError.
    """
    from convgen import reading

    options = ReadOptions(
        layer=layer,
        name=name,
        seed=seed,
        allow_outside=allow_outside,
        ends=ends,
        reference=reference,
    )
    return reading.read(Path(path), options)


@explained()
def plan(  # noqa: PLR0913 - what may be planned for
    graph: Operator | Graph,
    board: Target,
    *,
    ram: Size | None = None,
    flash: Size | None = None,
    goal: Goal = "workspace",
    algorithm: str | None = None,
    overlap: bool = False,
    fusion: Fusion = "auto",
    feed: Feed = "whole",
) -> Planned:
    """Return what is predicted to be best by the goal within the budget, or to come nearest to it.

    Nothing is built or run. What the keywords mean is at `PlanOptions`. Raises NoFitError and
    UsageError.
    """
    from convgen import planning

    options = PlanOptions(
        ram=ram,
        flash=flash,
        goal=goal,
        algorithm=algorithm,
        overlap=overlap,
        fusion=fusion,
        feed=feed,
    )
    return planning.plan(graph, board, options)


@explained()
def emit(planned: Planned) -> dict[str, str]:
    """Return the C of what was planned, ``{file name: text}``: always the same of the same plan."""
    from convgen.bench.program import program

    return dict(program(planned.subject, planned.target).files)


@explained()
def verify(
    planned: Planned,
    out: str | Path | None = None,
    options: RunOptions | None = None,
    say: Say = _silent,
) -> Outcome:
    """Build exactly what was planned, run it on the target's emulator, compare, measure it.

    The files of `emit`, the firmware of the run and ``report.json`` are moved to *out*, None:
    ``convgen-out`` and the name. *say* hears what is going on. The outcome's ``failure`` is a
    VerificationError where an output is wrong, a NoFitError where more was measured than the budget
    has. Raises ToolError and UsageError; then nothing is written.
    """
    from convgen import jobs, verifying

    options = options or RunOptions()
    with jobs.caching(options):
        return verifying.verify(planned, None if out is None else Path(out), options, say)


@explained()
def run(job: Job, say: Say = _silent) -> Outcome:
    """Do *job* as the command does: plan, build, run and measure until the best is known.

    The outcome's ``failure`` is a NoFitError where nothing fits; its report then has what was
    tried, and is all that is written. Raises `ConvgenError`; then nothing is written, and where a
    tool has failed the report of the run before is removed.
    """
    from convgen import pipeline

    refuse_without_model(job, [job.spec])
    return pipeline.run(pipeline.ready(job, say), say)


@explained()
def together(job: Job, specs: Sequence[str | Path], say: Say = _silent) -> Together:
    """Return what does *job* for each of *specs*, into a folder each: of its name, in ``job.out``.

    All are read; nothing is done yet. ``job.read.name`` is what they are called together. Raises
    SpecError and UsageError.
    """
    from convgen import together

    paths = [Path(spec) for spec in specs]
    refuse_without_model(job, paths)
    return together.read(job, paths, say)


@explained()
def extract(path: str | Path, out: str | Path, options: ReadOptions | None = None) -> list[str]:
    """Write operators of the model at *path* as layer specs into *out*; say what was written."""
    from convgen import extracting

    return extracting.extract(Path(path), Path(out), options or ReadOptions())


@explained()
def operators(path: str | Path) -> Listed:
    """Return the operators of the model at *path*, supported or not. Raises SpecError."""
    from convgen.formats.tflite.listing import listed

    return listed(Path(path))


@explained()
def diff(old: str | Path, new: str | Path, fail_on: str | None = None) -> Diff:
    """Compare two ``report.json``; *fail_on* are limits such as ``ram:+0%,instructions:+2%``.

    The result's ``failure`` names what is worse than these allow. Raises UsageError.
    """
    from convgen.report.diff import diff

    return diff(Path(old), Path(new), fail_on)


def without_result(job: Job, failure: ConvgenError) -> dict[str, Any]:
    """Return what can be said of *job* in JSON where there is no outcome."""
    from convgen import jobs

    return jobs.without_result(job, failure)


@explained()
def junit(path: str | Path) -> Junit:
    """Return a file that verdicts can be written to. Raises UsageError."""
    from convgen.report.junit import Junit

    return Junit(Path(path))


@explained()
def targets() -> list[Target]:
    """Return the targets that come with convgen, cores first."""
    from convgen.targets import target

    return [target.load(name) for name in (*target.names(), *target.chips())]


def algorithms() -> tuple[Variant, ...]:
    """Return all algorithms."""
    from convgen.plans import registry

    return registry.every()


def schema(of: Schema = "spec") -> dict[str, Any]:
    """Return the JSON Schema of a layer's spec, or of the report."""
    if of == "report":
        from convgen.report import schema as of_report

        return of_report.json_schema()
    from convgen.formats import schema as of_spec

    return of_spec.json_schema()


@explained()
def tools() -> str:
    """Return which tools the targets name, where they are and how to get them, as a table."""
    return listing("tools").as_text()


@explained()
def listing(what: What, path: str | Path | None = None) -> Listing:
    """Return what there is, as text and as JSON; *path* is of the model that has operators."""
    from convgen.report import listings

    match what:
        case "targets":
            return listings.targets(targets())
        case "algorithms":
            return listings.algorithms(algorithms())
        case "tools":
            from convgen.report import doctor

            return listings.tools(doctor.examine())
        case "operators":
            return listings.operators(operators(path or ""))
