"""What `paper` measures: layers to do with algorithms on boards, and what came of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import paper_layers as data
from measure import BLOCK_UNIT, bench_for, in_parallel, load, measure
from paper_layers import Spec

from convgen.bench.run import emulator
from convgen.errors import ConvgenError
from convgen.plans import registry
from convgen.plans.plan import Plan
from convgen.schedule.cost import cost_model
from convgen.targets import target
from convgen.targets.target import Target

MIB = 2**20
FLOAT_BYTES = 4

DIRECT, BASE, MEC = "direct", "im2col_full", "mec"
INDIRECT = ("indirect_flash", "indirect_row", "indirect_init")
KN2ROW = ("kn2row", "kn2row_as", "kn2row_aa", "kn2row_aa_holes")
FLOAT_BOARD, INT8_BOARD = "rv32imafc", "rv32imc"  # with the same inner kernels for all


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """An algorithm of a table: of variants the first that can do the layer."""

    title: str
    variants: tuple[str, ...]


def column(name: str) -> Column:
    """Return the column of one algorithm."""
    return Column(title=name, variants=(name,))


def winograd(form: str) -> Column:
    """Return the column of a form of Winograd, with as many tiles at once as can be."""
    name = f"winograd_{form}"
    return Column(title=name, variants=tuple(f"{name}_t{tiles}" for tiles in (4, 2, 1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A layer to do with an algorithm on a target."""

    target: str
    spec: Spec
    column: Column


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a job takes.

    ``too_large`` says why nothing was run; instructions are then the predicted ones. ``failure``
    says what went wrong, and then there are none.
    """

    predicted: int
    instructions: int
    too_large: str | None
    failure: str | None = None

    @property
    def measured(self) -> bool:
        """Whether the instructions are those of a run."""
        return self.too_large is None and self.failure is None

    @property
    def error(self) -> float:
        """The prediction over the truth, less one."""
        return self.predicted / self.instructions - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """Layers to do with several algorithms on one target."""

    target: str
    layers: Sequence[Spec]
    columns: Sequence[Column]

    @property
    def names(self) -> list[str]:
        """Its layers."""
        return [layer["name"] for layer in self.layers]

    def layer(self, name: str) -> Spec:
        """Return one of its layers."""
        return self.layers[self.names.index(name)]

    @property
    def titles(self) -> list[str]:
        """Its algorithms."""
        return [column.title for column in self.columns]

    @property
    def jobs(self) -> dict[tuple[str, str], Job]:
        """By layer and algorithm."""
        return {
            (layer["name"], column.title): Job(target=self.target, spec=layer, column=column)
            for layer, column in product(self.layers, self.columns)
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """What came of a study: figures by layer and algorithm, None where that cannot do it."""

    study: Study
    cells: Mapping[tuple[str, str], Figures | None]

    def ratios(self, title: str, base: str = BASE) -> dict[str, float]:
        """Return instructions over those of *base*, less one, where both were measured."""
        pairs = (
            (name, self.cells[name, title], self.cells[name, base]) for name in self.study.names
        )
        return {
            name: mine.instructions / other.instructions - 1
            for name, mine, other in pairs
            if mine and other and mine.measured and other.measured
        }

    @property
    def errors(self) -> dict[tuple[str, str], float]:
        """The errors of the predictions of what was measured."""
        return {key: cell.error for key, cell in self.cells.items() if cell and cell.measured}


@dataclass(frozen=True, slots=True, kw_only=True)
class Grids:
    """What came of all studies."""

    mec: Grid
    indirect_float: Grid
    indirect_int8: Grid
    kn2row_float: Grid
    kn2row_int8: Grid

    @property
    def all(self) -> tuple[Grid, ...]:
        """Every one, in the order of the document."""
        return (
            self.mec,
            self.indirect_float,
            self.indirect_int8,
            self.kn2row_float,
            self.kn2row_int8,
        )

    @property
    def failures(self) -> list[str]:
        """What went wrong."""
        cells = (cell for grid in self.all for cell in grid.cells.values())
        return [cell.failure for cell in cells if cell and cell.failure]


MEC_STUDY = Study(
    target=FLOAT_BOARD,
    layers=data.MEC_LAYERS,
    columns=(
        *map(column, ("direct", "im2col_p4", BASE, MEC, "mec_ring", "indirect_flash")),
        *map(column, ("indirect_init", "kn2row", "kn2row_as", "kn2row_aa")),
        winograd("2x2"),
        winograd("4x4"),
    ),
)


def both_boards(layers: Sequence[Spec], names: Sequence[str]) -> tuple[Study, Study]:
    """Return a study in float32 and one in int8; im2col copies as many pixels as a block has."""
    columns = [column(name) for name in (DIRECT, "im2col_p4", BASE, *names)]
    int8 = [data.as_int8(layer) for layer in layers]
    return (
        Study(target=FLOAT_BOARD, layers=layers, columns=columns),
        Study(target=INT8_BOARD, layers=int8, columns=columns),
    )


INDIRECT_FLOAT, INDIRECT_INT8 = both_boards(data.INDIRECT_LAYERS, INDIRECT)
KN2ROW_FLOAT, KN2ROW_INT8 = both_boards(data.VGG_LAYERS, KN2ROW)
STUDIES = {
    "mec": MEC_STUDY,
    "indirect_float": INDIRECT_FLOAT,
    "indirect_int8": INDIRECT_INT8,
    "kn2row_float": KN2ROW_FLOAT,
    "kn2row_int8": KN2ROW_INT8,
}
"""By the names of `Grids`."""


# Plans


def plan(job: Job) -> Plan | None:
    """Plan *job* with the first of its variants that can do the layer."""
    layer, board = load(job.spec), target.load(job.target)
    able = registry.able(layer, board, job.column.variants)
    return next((able[name] for name in job.column.variants if name in able), None)


def required(job: Job) -> Plan:
    """Plan *job*, which must be possible."""
    planned = plan(job)
    assert planned is not None, f"{job.column.title} cannot do {job.spec['name']}"
    return planned


def elements(description: Spec, algorithm: str) -> int:
    """Return the workspace of a float32 layer in elements."""
    planned = required(Job(target=FLOAT_BOARD, spec=description, column=column(algorithm)))
    return planned.workspace_bytes // FLOAT_BYTES


# Measurements


def measured() -> Grids:
    """Do every job of every study."""
    jobs = {name: study.jobs for name, study in STUDIES.items()}
    done = in_parallel(figures, {name: wanted.values() for name, wanted in jobs.items()})
    grids = {
        name: Grid(study=STUDIES[name], cells=dict(zip(jobs[name], cells, strict=True)))
        for name, cells in done
    }
    return Grids(**grids)


def figures(job: Job) -> Figures | None:
    """Build and run *job*, or predict it where it is too large; None where it cannot be done."""
    planned = plan(job)
    if planned is None:
        return None
    layer, board = planned.layer, target.load(job.target)
    predicted = cost_model(layer, board).predict(planned)
    reason = too_large(planned, board)
    if reason:
        return Figures(predicted=predicted, instructions=predicted, too_large=reason)
    try:
        found = measure(planned, bench_for(layer, board), predicted)
    except ConvgenError as error:
        failure = f"{board.name}: {layer.name}: {planned.algorithm}: {error}"
        return Figures(predicted=predicted, instructions=0, too_large=None, failure=failure)
    return Figures(predicted=predicted, instructions=found.instructions, too_large=None)


def too_large(planned: Plan, board: Target) -> str | None:
    """Say why a plan is not run, or None; the plan alone decides, not the time it takes."""
    layer = planned.layer
    room = emulator.choose("qemu-system", board).machine.layer_bytes
    if layer.input_bytes + layer.output_bytes + planned.workspace_bytes > room:
        return f"more memory than the {room // MIB} MiB of the emulated board"
    if products(planned) > data.MOST_PRODUCTS:
        return f"more than {data.MOST_PRODUCTS:,} multiplications"
    if sum(constant.values.size for constant in planned.constants) > data.MOST_NUMBERS:
        return f"more than {data.MOST_NUMBERS:,} constants to compile"
    return None


def products(planned: Plan) -> int:
    """Return the multiplications of the inner loops."""
    shapes = ((BLOCK_UNIT.fullmatch(unit), count) for unit, count in planned.work.items())
    return sum(int(shape[2]) * int(shape[3]) * count for shape, count in shapes if shape)
