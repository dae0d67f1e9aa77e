"""Several layers and models in one call: a folder for each, and beside these what they share."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from convgen import jobs, pipeline, reading
from convgen.choices import Package
from convgen.ctext.literals import macro
from convgen.errors import ConvgenError, ExitCode, SpecError, UsageError, explained, refuse
from convgen.jobs import Outcome
from convgen.options import Job
from convgen.pipeline import Ready
from convgen.progress import Say
from convgen.report.report import Report
from convgen.sources import package
from convgen.sources.package import Contents
from convgen.sources.shared import INFIX, header_name, shared_header
from convgen.system import seal
from convgen.system.publishing import publish
from convgen.system.staging import staging_folder

NAME = "convgen"
"""What they are called together if nobody says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What came of one of several jobs, that of *name*."""

    name: str
    job: Job
    outcome: Outcome | None
    failure: ConvgenError | None

    @property
    def exit_code(self) -> ExitCode:
        """What a call of its own would end with."""
        return self.failure.exit_code if self.failure else ExitCode.VERIFIED

    @property
    def report(self) -> Report | None:
        """What the run reports, if it got so far."""
        return self.outcome.report if self.outcome else None

    @property
    def described(self) -> Report:
        """What is said of it in JSON: the report as it is written, or why there is none."""
        if self.outcome:
            report: Report = json.loads(self.outcome.as_json())
            return report
        about = "model" if self.job.is_network else "layer"
        return {about: self.name, **jobs.without_result(self.job, self.failure)}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Together:
    """Jobs whose results go into one folder ``out``; ``name`` is what they are called together."""

    name: str
    out: Path
    package: Package | None
    parts: tuple[Ready, ...]

    @property
    def names(self) -> list[str]:
        """What each is called."""
        return [part.graph.name for part in self.parts]

    def end(self, part: Ready, say: Say) -> Ended:
        """Do the job of one of the ``parts``; *say* hears what is going on."""
        name = part.graph.name
        try:
            outcome = _run(part, lambda text: say(f"{name}: {text}"))
        except ConvgenError as error:
            return Ended(name=name, job=part.job, outcome=None, failure=error)
        return Ended(name=name, job=part.job, outcome=outcome, failure=outcome.failure)

    @explained()
    def finish(self, ended: Sequence[Ended]) -> Path | None:
        """Write what all ``parts`` share; return the header. Raises UsageError.

        None, and nothing is written, where one of them has come to nothing.
        """
        outcomes = [each.outcome for each in ended if each.outcome and each.outcome.scratch]
        if len(outcomes) < len(ended):
            return None
        texts, header = {}, header_name(self.name)
        if self.package:
            [optimization] = {jobs.optimization(outcome.report) for outcome in outcomes}
            texts = package.package_files(self.package, self._contents, optimization)
        with staging_folder(self.out, self._files) as stage:
            made = stage / "made"
            made.mkdir()
            jobs.write(texts, made)
            told = seal.told_of(made, sorted(texts))
            scratch = [outcome.scratch for outcome in outcomes]
            needs = dict(zip(self.names, scratch, strict=True))
            jobs.write({header: shared_header(self.name, needs, told)}, made)
            publish(made, self.out)
        return self.out / header

    def check(self) -> None:
        """Refuse what could not be finished. Raises UsageError."""
        for part in self.parts:
            with staging_folder(self.out / part.graph.name, jobs.file_names(part.graph.name)):
                pass
        with staging_folder(self.out, self._files):
            jobs.refuse_a_loss(self.out, self._files[1:], self.names)

    @property
    def _contents(self) -> Contents:
        return package.of_several(self.name, self.names)

    @property
    def _files(self) -> tuple[str, ...]:
        packed = package.package_names(self.package, self._contents) if self.package else ()
        return header_name(self.name), *packed


def read(job: Job, specs: Sequence[Path], say: Say) -> Together:
    """Read *specs*, for each of which *job* is to be done. Raises SpecError and UsageError."""
    name = NAME if job.read.name is None else reading.checked_name(job.read.name)
    one = replace(
        job, read=replace(job.read, name=None), run=replace(job.run, package=None), out=None
    )
    out = job.out or Path(jobs.OUT)
    found = [_placed(part, out) for part in _read(one, specs, say)]
    _refuse_names(name, found)
    _refuse_a_mixture(job, found)
    several = Together(name=name, out=out, package=job.run.package, parts=tuple(found))
    several.check()
    return several


@explained()
def _run(part: Ready, say: Say) -> Outcome:
    return pipeline.run(part, say)


def _read(job: Job, specs: Sequence[Path], say: Say) -> list[Ready]:
    """Read all of *specs*; say of each what is wrong."""
    found, problems = [], []
    for spec in specs:
        try:
            found.append(pipeline.ready(replace(job, spec=spec), say))
        except SpecError as error:
            begin = f"{spec}: "
            problems += [f"{begin}{problem.removeprefix(begin)}" for problem in error.problems]
    refuse(problems)
    return found


def _placed(part: Ready, out: Path) -> Ready:
    return replace(part, job=replace(part.job, out=out / part.graph.name))


def _refuse_names(name: str, parts: Sequence[Ready]) -> None:
    """Refuse names that give two of *parts* the same folder or macros."""
    taken = {f"{macro(name)}{INFIX}": f"{header_name(name)}"}
    for part in parts:
        key, spec = macro(part.graph.name), str(part.job.spec)
        if key in taken:
            raise UsageError(
                f"{spec}: expected names that differ, in more than capitals, got "
                f"{part.graph.name} as in {taken[key]}"
            )
        taken[key] = spec


def _refuse_a_mixture(job: Job, parts: Sequence[Ready]) -> None:
    """Refuse a package of layers and models for the least flash: only these are built by size."""
    kinds = {part.job.is_network for part in parts}
    if job.run.package and job.plan.goal == "flash" and len(kinds) > 1:
        raise UsageError(
            "--package: expected layers alone or models alone with --optimize flash, which builds "
            "models with -Os and layers with -O3; a package has one such option"
        )
