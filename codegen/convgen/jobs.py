"""What every job is done with: vectors, tools, a folder to work in; and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from convgen import __version__
from convgen.bench import insight
from convgen.bench.build import toolchain
from convgen.bench.code.blocks import Counts
from convgen.bench.insight import Wanted
from convgen.bench.proof import vectors
from convgen.bench.proof.vectors import Vectors
from convgen.bench.run import emulator
from convgen.bench.trial import Bench, Trial, split_outputs
from convgen.choices import Package
from convgen.errors import ConvgenError, ToolError, UsageError
from convgen.model.operator import Computation, Operator
from convgen.options import Job, RunOptions
from convgen.progress import Say
from convgen.report import report
from convgen.report.report import Report
from convgen.sources import generate, package
from convgen.sources.package import Contents
from convgen.sources.remake import Remake
from convgen.sources.shared import Scratch, scratch_of
from convgen.system import cache, process, seal
from convgen.system.publishing import PAGE, PROFILE, REPORT, VERIFY, publish
from convgen.system.staging import staging_folder
from convgen.targets.target import Target

if TYPE_CHECKING:
    from convgen.bench.proof.onnx_runtime import Beside
    from convgen.model.whole import Whole

OUT = "convgen-out"
"""Where results go by themselves, each layer's or network's into a folder of its name."""

Act = Callable[[Bench, Path], "Found"]
"""Builds and runs in a folder, and says what was found."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """What is to be kept of all that was run, and what to end with if not all is well.

    ``chosen`` None: nothing fits.
    """

    chosen: Trial | None
    report: Report
    failure: ConvgenError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The report, where the files are, and what to end with if not all is well.

    ``scratch`` is the memory that callers of the generated function provide, nothing where there is
    none.
    """

    report: Report
    out: Path
    failure: ConvgenError | None
    scratch: tuple[Scratch, ...] = ()

    def as_json(self) -> str:
        """Return the text of ``report.json``."""
        return report.as_json(self.report)

    def as_text(self, *, everything: bool = False, command: str | None = None) -> str:
        """Return the answer on one screen, or *everything*, every candidate and operator.

        *command* is what was typed, which advice adds options to; None: nothing was.
        """
        from convgen.report import layer_page, network_page
        from convgen.report.answer import Shown

        shown = Shown(out=self.out, everything=everything, command=command)
        if "model" in self.report:
            return network_page.as_text(self.report, shown)
        return layer_page.as_text(self.report, shown)


def on_bench(
    options: RunOptions,
    board: Target,
    computes: Operator | Whole,
    act: Act,
    *,
    out: Path | None,
    remake: Remake | None,
) -> Outcome:
    """Let *act* find something, and move it to *out*; None: a folder by the name.

    Raises `ConvgenError`; then nothing is written.
    """
    given = _vectors(options, computes)
    out = out or Path(OUT) / computes.name
    contents = package.of_one(computes.name)
    with _place(out, computes.name, options.package, contents) as stage, process.allowance():
        try:
            bench = _bench(options, board, given, remake)
            found = act(bench, stage)
        except ToolError:
            _withdraw(stage, out)
            raise
        if options.package and found.chosen:
            texts = package.package_files(options.package, contents, optimization(found.report))
            write(texts, found.chosen.folder)
        described = _publish(found, stage, out, bench)
    scratch = scratch_of(found.chosen.program.subject) if found.chosen else ()
    return Outcome(report=described, out=out, failure=found.failure, scratch=scratch)


def without_result(job: Job, failure: ConvgenError | None) -> Report:
    """Return what can be said in JSON where a tool is missing or has failed."""
    known = {"convgen": __version__, "target": job.target, "verified": False}
    return {**known, "failure": str(failure)}


def without_tools(found: Found, computes: Operator | Whole, out: Path | None) -> Outcome:
    """Move the report of what could be *found* before anything was built to *out*."""
    out = out or Path(OUT) / computes.name
    with staging_folder(out, file_names(computes.name)) as stage:
        described = _publish(found, stage, out)
    return Outcome(report=described, out=out, failure=found.failure)


def _withdraw(stage: Path, out: Path) -> None:
    """Remove the report of the run before, whose word no longer holds, if there is one."""
    if (out / REPORT).exists():
        nothing = stage / "nothing"
        nothing.mkdir()
        with suppress(ConvgenError, OSError):  # there is worse to tell of
            publish(nothing, out)


def caching(options: RunOptions) -> AbstractContextManager[None]:
    """Let what is done in here use the user's cache, unless *options* forbid it."""
    return cache.kept_in(cache.usual_folder() if options.cache else None)


def wanted(options: RunOptions, board: Target) -> Wanted:
    """Return what block counts are asked for; refuse early where there can be none.

    Raises UsageError.
    """
    found = insight.wanted(
        board,
        cycles=options.cycles,
        flash_wait_states=options.flash_wait_states,
        profile=options.profile,
    )
    option = "--cycles" if options.cycles else "--profile"
    if found and not options.runs:
        raise UsageError(f"{option}: the layer must run, so not with --emulator none")
    if found and not emulator.counting(board):
        raise UsageError(f"{option}: no emulator counts what {board.name} executes")
    return found


def look_into(trial: Trial, bench: Bench, wanted: Wanted, say: Say) -> Trial:
    """Return *trial* with what its block counts tell, if it ran to the end."""
    if trial.run is None or not wanted:
        return trial
    say(f"{trial.program.label}: counting what it executes")
    return insight.look_into(trial, bench.target, _block_counts(trial, bench), wanted)


def beside(trial: Trial) -> Beside | str | None:
    """Return how outputs of *trial* compare with ONNX Runtime's, or why that is not known.

    None where the model is no .onnx file.
    """
    file = trial.schedule.graph.origin.onnx
    if file is None:
        return None
    if trial.run is None or trial.given is None:
        return "there are no outputs: it did not run, or not to its end"
    from convgen.bench.proof import onnx_runtime

    outputs = split_outputs(trial.program.computes, trial.run.outputs)
    return onnx_runtime.beside(trial.schedule.graph, file, trial.given.inputs, outputs)


def _block_counts(trial: Trial, bench: Bench) -> Counts:
    """Return how often each block ran: of the run, or of another where blocks are counted."""
    if trial.run and trial.run.blocks:
        return trial.run.blocks
    given = bench.vectors
    return emulator.block_counts(
        trial.image,
        bench.target,
        given.tobytes(),
        expected_instructions=trial.program.instructions * given.count,
    )


def _vectors(options: RunOptions, computes: Computation) -> Vectors:
    """Return what to run; if nothing is to be run, it is read to be refused but not looked into."""
    if options.vectors:
        given = vectors.load(options.vectors, computes)
        return vectors.checked(computes, given) if options.runs else given
    return vectors.made_up(computes, options.seed) if options.runs else Vectors(inputs=())


def file_names(name: str) -> tuple[str, ...]:
    """Return every file that is written of a layer or network of that *name*."""
    made = generate.file_names(name)
    return (*made, REPORT, PAGE, PROFILE, *toolchain.file_names(name))


@contextmanager
def _place(out: Path, name: str, kind: Package | None, contents: Contents) -> Iterator[Path]:
    """Yield a folder to work in, for what becomes of *name* and its package in *out*."""
    packed = package.package_names(kind, contents) if kind else ()
    with staging_folder(out, (*file_names(name), *packed)) as stage:
        refuse_a_loss(out, packed, {name})
        yield stage


def refuse_a_loss(out: Path, packed: Iterable[str], parts: Collection[str]) -> None:
    """Refuse to replace the files *packed* in *out* where they have more than *parts*."""
    there = [out / name for name in packed if (out / name).is_file()]
    lost = package.packed(path.read_text(encoding="utf-8") for path in there) - {*parts}
    if lost:
        raise UsageError(
            f"--package: the package in {out} has {', '.join(sorted(lost))}, which would be lost "
            f"from it: name all specs in one call, choose another folder, or remove {there[0]}"
        )


def optimization(report: Report) -> str:
    """Return the option that the C of a *report* was compiled with."""
    flags: list[str] = report["toolchain"]["flags"]
    return next(flag for flag in flags if flag.startswith("-O"))


def write(texts: Mapping[str, str], folder: Path) -> None:
    """Write files into *folder*, some of them below it."""
    for file, text in texts.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text, encoding="utf-8", newline="\n")


def _publish(found: Found, stage: Path, out: Path, bench: Bench | None = None) -> Report:
    """Move all to *out*; return the report as it is there."""
    folder = found.chosen.folder if found.chosen else stage / "report"
    folder.mkdir(exist_ok=True)
    from convgen.report import html

    (folder / PAGE).write_text(html.as_html(found.report, folder), encoding="utf-8", newline="\n")
    if "profile" in found.report:
        from convgen.report import listing

        profiled = listing.as_text(found.report["profile"], folder)
        (folder / PROFILE).write_text(profiled, encoding="utf-8", newline="\n")
    if found.chosen and bench:
        toolchain.finish(folder, bench.machine)
    made = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    names = sorted(path.as_posix() for path in made if path.parts[0] != VERIFY)
    described = {**found.report, "files": seal.told_of(folder, names)}
    (folder / REPORT).write_text(report.as_json(described), encoding="utf-8", newline="\n")
    publish(folder, out)
    return described


def _bench(options: RunOptions, board: Target, given: Vectors, remake: Remake | None) -> Bench:
    """Return the tools that *options* ask for."""
    compiler = toolchain.find(options.toolchain, board)
    if not options.runs:
        return Bench(
            target=board,
            machine=board.preferred_machine,
            toolchain=compiler,
            emulator=None,
            vectors=given,
            remake=remake,
        )
    chosen = emulator.choose(options.emulator, board)
    return Bench(
        target=chosen.target,
        machine=chosen.machine,
        toolchain=toolchain.find(options.toolchain, chosen.target),
        emulator=chosen,
        vectors=given,
        remake=remake,
    )


def remake(job: Job, board: Target) -> Remake:
    """Return what of *job* the printed text depends on."""
    read, memory = job.read, board.memory
    ram, flash = job.plan.ram_bytes, job.plan.flash_bytes
    return Remake(
        spec=job.spec,
        target=job.target,
        seed=read.seed,
        allow_outside=read.allow_outside,
        ram=ram if ram and (job.is_network or ram > memory.ram) else None,
        flash=flash if flash and (job.is_network or flash > memory.flash) else None,
        layer=read.layer,
        name=read.name,
        ends=read.ends,
        reference=read.reference,
        fusion=job.plan.fusion,
        feed=job.plan.fed,
    )


def tools(bench: Bench | None, board: Target, trial: Trial | None = None) -> Report:
    """Describe what *trial*, or another, was built and run with; *bench* None: with nothing."""
    if bench is None:
        return {
            "target": board.name,
            "machine": board.preferred_machine,
            "emulator": {"kind": "none"},
            "toolchain": None,
        }
    chosen = bench.emulator
    described: Report = {"kind": "none"}
    if chosen:
        described = {
            "kind": chosen.kind,
            "machine": chosen.machine_name,
            "version": chosen.version,
            "notes": [*chosen.notes, *(trial.run.notes if trial and trial.run else ())],
        }
    return {
        "target": board.name,
        "machine": bench.machine,
        "emulator": described,
        "toolchain": {
            "compiler": bench.toolchain.version,
            "flags": list(bench.toolchain.flags),
        },
    }
