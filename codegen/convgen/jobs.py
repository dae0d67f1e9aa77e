"""A job: the options of the command, and what it is done with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from convgen.bench import insight
from convgen.bench.build import toolchain
from convgen.bench.code.blocks import Counts
from convgen.bench.insight import Wanted
from convgen.bench.proof import vectors
from convgen.bench.proof.vectors import Vectors
from convgen.bench.run import emulator
from convgen.bench.trial import Bench, Trial
from convgen.choices import Ends, Goal, Reference
from convgen.errors import ConvgenError, UsageError
from convgen.model.operator import Computation
from convgen.progress import Say
from convgen.report import report
from convgen.report.report import Report
from convgen.schedule.select import Budget
from convgen.sources import generate
from convgen.sources.remake import Remake
from convgen.system.publishing import REPORT, publish
from convgen.targets.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The options of the command, parsed; None: the default."""

    spec: Path
    target: str
    ram: int | None = None
    flash: int | None = None
    optimize: Goal = "workspace"
    algorithm: str | None = None
    overlap: bool = False
    seed: int = 0
    allow_outside: bool = False
    compare: bool = False
    out: Path | None = None
    emulator: str = "auto"
    toolchain: str = "auto"
    vectors: Path | None = None
    cycles: bool = False
    flash_wait_states: int = 0
    profile: bool = False
    cache: bool = True
    layer: str | None = None
    name: str | None = None
    ends: Ends = "model"
    reference: Reference = "litert"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The report, where the files are, and what to end with if not all is well."""

    report: Report
    out: Path
    failure: ConvgenError | None


def is_model(path: Path) -> bool:
    """Whether *path* is a model and not a layer's spec."""
    return path.suffix.lower() == ".tflite"


def wanted(job: Job, board: Target) -> Wanted:
    """Return what block counts are asked for; refuse early where there can be none."""
    found = insight.wanted(
        board,
        cycles=job.cycles,
        flash_wait_states=job.flash_wait_states,
        profile=job.profile,
    )
    option = "--cycles" if job.cycles else "--profile"
    if found and job.emulator == "none":
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


def vectors_for(job: Job, computes: Computation) -> Vectors:
    """Return what to run; if nothing is to be run, it is read to be refused but not looked into."""
    runs = job.emulator != "none"
    if job.vectors:
        given = vectors.load(job.vectors, computes)
        return vectors.checked(computes, given) if runs else given
    return vectors.made_up(computes, job.seed) if runs else Vectors(inputs=())


def file_names(name: str) -> tuple[str, ...]:
    """Return every file that may be written of a layer or network of that *name*."""
    return (*generate.file_names(name), REPORT, *toolchain.file_names(name))


def publish_with(described: Report, trial: Trial, out: Path) -> None:
    """Move the files of *trial* to *out*, and its report with them."""
    (trial.folder / REPORT).write_text(report.as_json(described), encoding="utf-8", newline="\n")
    toolchain.remove_intermediates(trial.folder)
    publish(trial.folder, out)


def budget_of(job: Job, board: Target) -> Budget:
    """Return the bytes that may be used: of *board* where *job* names none."""
    return Budget(
        ram=board.memory.ram if job.ram is None else job.ram,
        flash=board.memory.flash if job.flash is None else job.flash,
    )


def bench_for(job: Job, board: Target, given: Vectors) -> Bench:
    """Return the tools that *job* asks for."""
    compiler = toolchain.find(job.toolchain, board)
    remake = _remake(job, board)
    if job.emulator == "none":
        return Bench(
            target=board,
            machine=board.preferred_machine,
            toolchain=compiler,
            emulator=None,
            vectors=given,
            remake=remake,
        )
    chosen = emulator.choose(job.emulator, board)
    return Bench(
        target=chosen.target,
        machine=chosen.machine,
        toolchain=toolchain.find(job.toolchain, chosen.target),
        emulator=chosen,
        vectors=given,
        remake=remake,
    )


def _remake(job: Job, board: Target) -> Remake:
    """Return what of *job* the printed text depends on."""
    memory, is_network = board.memory, job.layer is None and is_model(job.spec)
    return Remake(
        spec=job.spec,
        target=job.target,
        seed=job.seed,
        allow_outside=job.allow_outside,
        ram=job.ram if job.ram and (is_network or job.ram > memory.ram) else None,
        flash=job.flash if job.flash and (is_network or job.flash > memory.flash) else None,
        layer=job.layer,
        name=job.name,
        ends=job.ends,
        reference=job.reference,
    )


def tools(bench: Bench, board: Target, trial: Trial) -> Report:
    """Describe what *trial* was built and run with."""
    chosen = bench.emulator
    described: Report = {"kind": "none"}
    if chosen:
        described = {
            "kind": chosen.kind,
            "machine": chosen.machine_name,
            "version": chosen.version,
            "notes": [*chosen.notes, *(trial.run.notes if trial.run else ())],
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
