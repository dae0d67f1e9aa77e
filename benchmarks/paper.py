"""Write docs/results.md: what the papers claim, held against the generated code.

Memory comes from the plans, instructions from runs in which every output was right; what is too
large to run is predicted and marked so. Sentences are computed, or break the script when the
numbers stop supporting them.
"""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from textwrap import fill

import paper_layers as data
from fit_cost import BLOCK_UNIT, WORKERS
from paper_layers import Lowered, Spec

from convgen import emulator, spec, target, toolchain
from convgen.algorithms import ALGORITHMS
from convgen.cost import cost_model
from convgen.layer import Layer
from convgen.plan import Plan
from convgen.select import Candidate
from convgen.target import Target
from convgen.trial import Bench, attempt
from convgen.vectors import Vectors, make_inputs

RESULTS = Path(__file__).parents[1] / "docs" / "results.md"
MIB = 2**20
FLOAT_BYTES = 4
NOT_POSSIBLE, PREDICTED = "–", "~"

DIRECT, BASE, MEC = "direct", "im2col_full", "mec"
LOWERED = (BASE, MEC, "mec_ring", "im2col_p4")
INDIRECT = ("indirect_flash", "indirect_row", "indirect_init")
KN2ROW = ("kn2row", "kn2row_as", "kn2row_aa", "kn2row_aa_holes")
FLOAT_BOARD, INT8_BOARD = "rv32imafc", "cortex-m4"


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
    """What a job takes; ``init`` are the instructions of the init function.

    ``too_large`` says why nothing was run; instructions are then the predicted ones.
    """

    predicted: int
    instructions: int
    init: int
    too_large: str | None

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
            if mine and other and not mine.too_large and not other.too_large
        }

    @property
    def errors(self) -> dict[tuple[str, str], float]:
        """The errors of the predictions of what was measured."""
        return {key: cell.error for key, cell in self.cells.items() if cell and not cell.too_large}


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

    def study(board: str, layers: Sequence[Spec], patches: str) -> Study:
        columns = [column(name) for name in (DIRECT, patches, BASE, *names)]
        return Study(target=board, layers=layers, columns=columns)

    int8 = [data.as_int8(layer) for layer in layers]
    return study(FLOAT_BOARD, layers, "im2col_p4"), study(INT8_BOARD, int8, "im2col_p2")


INDIRECT_STUDIES = both_boards(data.INDIRECT_LAYERS, INDIRECT)
KN2ROW_STUDIES = both_boards(data.VGG_LAYERS, KN2ROW)
STUDIES = (MEC_STUDY, *INDIRECT_STUDIES, *KN2ROW_STUDIES)


def main() -> None:
    """Measure everything and write the document."""
    grids = measured(STUDIES)
    RESULTS.write_text(document(grids), encoding="utf-8")


# Plans


def load(description: Spec) -> Layer:
    """Return the layer of a spec."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "layer.json"
        path.write_text(json.dumps(description), encoding="utf-8")
        return spec.load(path)


def plan(job: Job) -> Plan | None:
    """Plan *job* with the first of its variants that can do the layer."""
    layer, board = load(job.spec), target.load(job.target)
    by_name = {algorithm.name: algorithm for algorithm in ALGORITHMS}
    able = (
        algorithm
        for algorithm in map(by_name.__getitem__, job.column.variants)
        if algorithm.reject(layer, board) is None
    )
    chosen = next(able, None)
    return chosen.plan(layer, board) if chosen else None


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


def measured(studies: Sequence[Study]) -> list[Grid]:
    """Do every job of *studies*, two at a time."""
    with ProcessPoolExecutor(WORKERS) as pool:
        runs = [pool.map(figures, study.jobs.values()) for study in studies]
        return [
            Grid(study=study, cells=dict(zip(study.jobs, done, strict=True)))
            for study, done in zip(studies, runs, strict=True)
        ]


def figures(job: Job) -> Figures | None:
    """Build and run *job*, or predict it where it is too large; None where it cannot be done."""
    planned = plan(job)
    if planned is None:
        return None
    board = target.load(job.target)
    predicted = cost_model(planned.layer, board).predict(planned)
    reason = too_large(planned, board)
    instructions, init = (predicted, 0) if reason else run(planned, predicted, board)
    return Figures(
        predicted=predicted,
        instructions=instructions,
        init=init,
        too_large=reason,
    )


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


def run(planned: Plan, predicted: int, board: Target) -> tuple[int, int]:
    """Build and run a plan; return the instructions of a call and of its init function."""
    layer = planned.layer
    runner = emulator.choose("qemu-system", board)
    bench = Bench(
        target=board,
        machine=runner.machine,
        toolchain=toolchain.find("auto", board),
        emulator=runner,
        vectors=Vectors(inputs=make_inputs(layer, seed=0, count=1)),
    )
    candidate = Candidate(plan=planned, pool=None, stack=0, code=0, instructions=predicted)
    with tempfile.TemporaryDirectory() as folder:
        trial = attempt(candidate, bench, Path(folder) / "run", board.memory.ram, roomy=True)
    if not trial.verified or trial.run is None or trial.instructions is None:
        raise SystemExit(f"{board.name}: {layer.name}: {planned.algorithm}: {trial.failure}")
    return trial.instructions, trial.run.init_instructions or 0


# Text

DOCUMENT = """
# The papers' claims, measured

Published comparisons of convolution algorithms are of processors with vector units, caches and
tuned matrix libraries. This page holds their claims against the C that convgen generates. Written
by `make paper`: `benchmarks/paper.py`, with the layers of `benchmarks/paper_layers.py`.

- **Memory** is the workspace of the plan that the code is generated from: exactly what a caller
  must provide, beside input and output.
- **Instructions** of one call are measured: the code was built and run once under emulation, and
  every output was right. They tell work, not time: caches and wait states are not in them. Those
  of the init function of `indirect_init` are not part of a call.
- **~** marks instructions that the cost model predicts, where a run would be too large. Of the
  {runs} runs on this page it is off by {error_mean} on average, at worst by {error_worst}. The
  conclusions use what was measured alone.
- **–**: the algorithm cannot do the layer; `convgen --compare` tells why.
- `{float_board}`: {float_tools}
- `{int8_board}`: {int8_tools}

## MEC: memory

The layers of M. Cho and D. Brand, arXiv 1706.06873: images are padded beforehand. Workspaces in
elements.

{mec_memory}

The elements of `im2col_full` and `mec` are those of the paper's formulas. Weighted as the paper
weights them for ResNet-101 ({resnet_layers}), in float32:

{resnet}

The paper prints a ratio of {resnet_ratio}. Its example, a 7x7 image with a 3x3 kernel, takes
{example_im2col} elements by im2col and {example_mec} by MEC.

## MEC's layers: instructions

Millions of instructions, float32 on `{float_board}`. `winograd_2x2` and `winograd_4x4` take as many
tiles at once as the layer allows, up to 4.

{mec_instructions}

Not run:

{mec_left_out}

{mec_compared}

## Indirect convolution by depth

M. Dukhan, arXiv 1907.02129. An 8x8 image, 32 output channels, padding `same`; `c16_3x3` has 16
input channels and a 3x3 kernel. Instructions, int8 on `{int8_board}`:

{indirect_int8}

{indirect_int8_verdict}

Instructions, float32 on `{float_board}`:

{indirect_float}

{indirect_float_verdict}

Bytes: workspaces, and of `indirect_flash` its table in flash.

{indirect_memory}

`im2col_full` copies nothing for 1x1 kernels with stride 1, and variants of it that copy a few
patches at a time do not apply. The init function of `indirect_init` runs once: {init_int8} (int8)
and {init_float} (float32).

## kn2row on VGG's layers

A. Vasudevan, A. Anderson and D. Gregg, arXiv 1704.04428, and A. Anderson et al., arXiv 1709.03395.
Layers of VGG-16 on the 32x32 images of CIFAR-10, with padding `same`. Workspaces in elements,
float32:

{kn2row_memory}

`kn2row` holds `KH*KW*M*H*W` sums, `kn2row_as` `M*H*W`, `kn2row_aa` none: in float32 the output
itself holds them. In int8 sums are of 32 bits and need memory of their own. Bytes, int8:

{kn2row_bytes}

Millions of instructions, float32 on `{float_board}`:

{kn2row_float}

{kn2row_float_compared}

Millions of instructions, int8 on `{int8_board}`:

{kn2row_int8}

{kn2row_int8_compared}

## What carries over

{conclusions}
"""


def document(grids: Sequence[Grid]) -> str:
    """Return the whole text."""
    mec, indirect_float, indirect_int8, kn2row_float, kn2row_int8 = grids
    values = {
        **memory(),
        **errors(grids),
        "float_board": FLOAT_BOARD,
        "float_tools": tools(FLOAT_BOARD),
        "int8_board": INT8_BOARD,
        "int8_tools": tools(INT8_BOARD),
        "mec_instructions": instructions(mec, millions),
        "mec_left_out": left_out(mec),
        "mec_compared": compared(mec),
        "indirect_int8": instructions(indirect_int8, exact),
        "indirect_int8_verdict": wins_and_losses(indirect_int8, INDIRECT),
        "indirect_float": instructions(indirect_float, exact),
        "indirect_float_verdict": wins_and_losses(indirect_float, INDIRECT),
        "init_int8": init_calls(indirect_int8),
        "init_float": init_calls(indirect_float),
        "kn2row_float": instructions(kn2row_float, millions),
        "kn2row_float_compared": compared(kn2row_float),
        "kn2row_int8": instructions(kn2row_int8, millions),
        "kn2row_int8_compared": compared(kn2row_int8),
        "conclusions": conclusions(*grids),
    }
    blocks = DOCUMENT.strip().format_map(values).split("\n\n")
    return "\n\n".join(map(wrapped, blocks)) + "\n"


def wrapped(block: str) -> str:
    """Return a paragraph or a list with lines of the usual length, anything else as it is."""
    if block.startswith(("#", "|")):
        return block
    if block.startswith("- "):
        return "\n".join(_fill(f"- {item}", "  ") for item in block[2:].split("\n- "))
    return _fill(block, "")


def _fill(text: str, indent: str) -> str:
    text = " ".join(text.split())
    return fill(text, 140, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown; all columns but the first are numbers."""
    rule = ["---", *("--:" for _ in heads[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, rule, *rows))


def items(lines: Iterable[str]) -> str:
    """Return a list."""
    return "\n".join(f"- {line}" for line in lines)


def code(names: Iterable[str]) -> list[str]:
    """Return names as code."""
    return [f"`{name}`" for name in names]


def exact(count: int) -> str:
    """Return all digits."""
    return f"{count:,}"


def millions(count: int) -> str:
    """Return millions."""
    return f"{count / 1e6:,.1f}"


def mib(elems: int) -> str:
    """Return float32 elements in MiB."""
    return f"{elems * FLOAT_BYTES / MIB:.2f}"


def percent(ratio: float) -> str:
    """Return a difference, signed.

    >>> percent(-0.1234), percent(0.02), percent(-0.0001)
    ('-12.3 %', '+2.0 %', '+0.0 %')
    """
    return f"{round(100 * ratio, 1) + 0.0:+.1f} %"


def ends(ratios: Mapping[str, float]) -> tuple[str, str]:
    """Return the least and the greatest difference, and where they are."""
    low, high = min(ratios, key=ratios.__getitem__), max(ratios, key=ratios.__getitem__)
    return f"{percent(ratios[low])} ({low})", f"{percent(ratios[high])} ({high})"


def span(ratios: Mapping[str, float]) -> str:
    """Return the range of the differences."""
    return " to ".join(ends(ratios))


def sure(holds: bool, sentence: str) -> str:
    """Return a sentence that the numbers support; stop where they no longer do."""
    if not holds:
        raise SystemExit(f"the numbers do not support: {sentence}")
    return sentence


# Memory: from plans alone


def memory() -> dict[str, str]:
    """Return the parts of the document that need no run."""
    workspaces = {
        layer["name"]: {name: elements(layer, name) for name in LOWERED}
        for layer in data.MEC_LAYERS
    }
    example = {name: elements(data.EXAMPLE, name) for name in (BASE, MEC)}
    check(example, data.EXAMPLE_LOWERED)
    for name, published in data.MEC_LOWERED.items():
        check(workspaces[name], published)
    return {
        "mec_memory": lowered(workspaces),
        "resnet": resnet(workspaces),
        "resnet_ratio": data.RESNET101_RATIO,
        "resnet_layers": ", ".join(f"{name} x{n}" for name, n in data.RESNET101.items()),
        "example_im2col": exact(example[BASE]),
        "example_mec": exact(example[MEC]),
        "kn2row_memory": kn2row_elements(),
        "kn2row_bytes": workspace_bytes(KN2ROW_STUDIES[1]),
        "indirect_memory": indirect_bytes(),
    }


def check(found: Mapping[str, int], published: Lowered) -> None:
    """Compare the plans with the paper."""
    assert (found[BASE], found[MEC]) == (published.im2col, published.mec)


def lowered(workspaces: Mapping[str, Mapping[str, int]]) -> str:
    """Return the table of MEC's layers."""

    def row(layer: Spec) -> list[str]:
        found = workspaces[layer["name"]]
        sizes = [exact(found[name]) for name in LOWERED]
        ratio = f"{found[BASE] / found[MEC]:.2f}"
        return [layer["name"], *shape(layer), str(layer["stride"]), *sizes, ratio]

    ratio = f"`{BASE}` / `{MEC}`"
    heads = ["layer", "input", "kernel", "stride", *code(LOWERED), ratio]
    return table(heads, map(row, data.MEC_LAYERS))


def shape(description: Spec) -> list[str]:
    """Return a layer's input, and its kernel with the output channels."""
    height, width, channels = description["input"]["shape"]
    size, out_channels = description["kernel_size"], description["out_channels"]
    return [f"{height}x{width}x{channels}", f"{size}x{size}x{out_channels}"]


def resnet(workspaces: Mapping[str, Mapping[str, int]]) -> str:
    """Return the weighted sums of ResNet-101."""
    sums = {
        name: sum(workspaces[layer][name] * times for layer, times in data.RESNET101.items())
        for name in LOWERED
    }
    assert f"{sums[BASE] / sums[MEC]:.1f}" == data.RESNET101_RATIO
    ratios = [f"{sums[BASE] / size:,.2f}" for size in sums.values()]
    return table(
        ["ResNet-101", *code(LOWERED)],
        [["MiB", *map(mib, sums.values())], [f"times less than `{BASE}`", *ratios]],
    )


def kn2row_elements() -> str:
    """Return the float32 workspaces of VGG's layers, checked by the formulas of the paper."""
    study, _ = KN2ROW_STUDIES
    for layer in study.layers:
        height, width, in_c = layer["input"]["shape"]
        taps, out_c = layer["kernel_size"] ** 2, layer["out_channels"]
        wanted = {
            BASE: height * width * taps * in_c,
            "kn2row": taps * out_c * height * width,
            "kn2row_as": out_c * height * width,
            "kn2row_aa": 0,
        }
        assert {name: elements(layer, name) for name in wanted} == wanted
    rows = (
        [layer["name"], *shape(layer), *(exact(elements(layer, name)) for name in study.titles)]
        for layer in study.layers
    )
    return table(["layer", "input", "kernel", *code(study.titles)], rows)


def workspace_bytes(study: Study) -> str:
    """Return the table of a study's workspaces."""
    sizes = {key: exact(required(job).workspace_bytes) for key, job in study.jobs.items()}
    rows = ([name, *(sizes[name, title] for title in study.titles)] for name in study.names)
    return table(["layer", *code(study.titles)], rows)


def indirect_bytes() -> str:
    """Return the workspaces of im2col and the tables of the indirect algorithms."""
    rows = (
        [f"{layer['name']}, {layer['input']['dtype']}", *indirect_row(study, layer)]
        for study in INDIRECT_STUDIES
        for layer in study.layers
    )
    heads = ["layer", "`im2col_p4` or `im2col_p2`", f"`{BASE}`", *code(INDIRECT)]
    return table(heads, rows)


def indirect_row(study: Study, layer: Spec) -> list[str]:
    """Return the bytes of each algorithm but direct, which has none."""
    plans = (plan(Job(target=study.target, spec=layer, column=c)) for c in study.columns[1:])
    return [exact(p.workspace_bytes + table_bytes(p)) if p else NOT_POSSIBLE for p in plans]


def table_bytes(planned: Plan) -> int:
    """Return the bytes of the constant table of offsets, which only indirect_flash has."""
    return sum(c.values.nbytes for c in planned.constants if c.name == "offsets")


# Instructions


def instructions(grid: Grid, show: Callable[[int], str]) -> str:
    """Return the table of a grid's instructions."""

    def cell(found: Figures | None) -> str:
        if found is None:
            return NOT_POSSIBLE
        return (PREDICTED if found.too_large else "") + show(found.instructions)

    study = grid.study
    rows = (
        [name, *(cell(grid.cells[name, title]) for title in study.titles)] for name in study.names
    )
    return table(["layer", *code(study.titles)], rows)


def compared(grid: Grid) -> str:
    """Return the table of how each algorithm compares with im2col."""
    heads = [f"compared with `{BASE}`", "at best", "at worst", "layers measured"]
    ratios = {title: grid.ratios(title) for title in grid.study.titles if title != BASE}
    rows = ([f"`{title}`", *ends(found), str(len(found))] for title, found in ratios.items())
    return table(heads, rows)


def left_out(grid: Grid) -> str:
    """Return which figures are predicted, and why."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for (name, title), cell in grid.cells.items():
        if cell and cell.too_large:
            found[cell.too_large][name].append(title)

    def where(layers: Mapping[str, Sequence[str]]) -> str:
        return ", ".join(f"{name} ({', '.join(code(layers[name]))})" for name in layers)

    return items(f"{reason}: {where(layers)}" for reason, layers in sorted(found.items()))


def wins_and_losses(grid: Grid, titles: Iterable[str]) -> str:
    """Say of each algorithm where it takes fewer instructions than im2col and where more."""

    def line(title: str) -> str:
        ratios = grid.ratios(title)
        parts = {
            "fewer": {name: ratio for name, ratio in ratios.items() if ratio < 0},
            "more": {name: ratio for name, ratio in ratios.items() if ratio >= 0},
        }
        said = (
            f"{how} on " + ", ".join(f"{name} ({percent(r)})" for name, r in found.items())
            for how, found in parts.items()
            if found
        )
        return f"`{title}`, compared with `{BASE}`: " + "; ".join(said) + "."

    return items(map(line, titles))


def init_calls(grid: Grid) -> str:
    """Return what the init functions take."""
    calls = [cell.init for cell in grid.cells.values() if cell and cell.init]
    return f"{min(calls):,} to {max(calls):,} instructions"


def errors(grids: Iterable[Grid]) -> dict[str, str]:
    """Return how good the predictions of the measured runs are."""
    found = {
        f"`{title}`, {name}, `{grid.study.target}`": error
        for grid in grids
        for (name, title), error in grid.errors.items()
    }
    worst = max(found, key=lambda key: abs(found[key]))
    return {
        "runs": str(len(found)),
        "error_mean": f"{100 * sum(map(abs, found.values())) / len(found):.1f} %",
        "error_worst": f"{percent(found[worst])} ({worst})",
    }


def tools(name: str) -> str:
    """Say what built and ran the layers of a target."""
    board = target.load(name)
    runner, built = emulator.choose("qemu-system", board), toolchain.find("auto", board)
    flags, machine = " ".join(built.flags), runner.machine_name
    return f"{built.version} with `{flags}`; QEMU {runner.version}, board `{machine}`."


# Conclusions


def conclusions(
    mec: Grid, indirect_float: Grid, indirect_int8: Grid, kn2row_float: Grid, kn2row_int8: Grid
) -> str:
    """Say which claims carry over to microcontrollers."""
    indirect = (mec, indirect_float, indirect_int8)
    kn2row = (mec, kn2row_float, kn2row_int8)
    paragraphs = (about_mec(mec), about_indirect(indirect), about_kn2row(kn2row), about_all(kn2row))
    return "\n\n".join(" ".join(sentences) for sentences in paragraphs)


def about_mec(grid: Grid) -> list[str]:
    """Compare MEC with im2col, whole and by blocks."""
    ratios, blocks = grid.ratios(MEC), grid.ratios("im2col_p4")
    smaller = [elements(layer, MEC) / elements(layer, "im2col_p4") for layer in grid.study.layers]
    return [
        "**MEC takes about a third of im2col's memory: carries over.** The ratio is the paper's,"
        " since it is arithmetic.",
        sure(
            max(ratios.values()) < 0.1,
            f"The work is about the same: compared with `{BASE}` instructions change by"
            f" {span(ratios)}. MEC multiplies output rows one by one, and rows are not always"
            " whole blocks of pixels.",
        ),
        sure(
            max(map(abs, blocks.values())) < 0.001 and min(smaller) > 1,
            "But the whole matrix is needed only to hand it to a library. `im2col_p4` takes the"
            " same instructions within 0.1 % and on these layers"
            f" {min(smaller):.1f} to {max(smaller):,.0f} times less memory than `{MEC}`.",
        ),
    ]


def about_indirect(grids: Sequence[Grid]) -> list[str]:
    """Compare the indirect algorithms with im2col, with a copy and without."""
    copied = pooled(grids, INDIRECT, lambda layer: not is_pointwise(layer))
    pointwise = pooled(grids, INDIRECT, is_pointwise)
    faster = 1 / (1 + min(copied.values())) - 1
    losses = sum(ratio > 0 for ratio in pointwise.values())
    return [
        sure(
            faster < 0.1,
            f"**Indirect convolution is up to {data.INDIRECT_FASTER_PERCENT} % faster where im2col"
            f" has to copy: does not carry over.** Instructions change by {span(copied)}: it"
            f" is {100 * faster:.1f} % faster at best.",
        ),
        "A copied element is multiplied for every output channel, so copies are a small part of"
        " the work; what they cost a cache is not counted here. Pointers are loaded too, and the"
        " inner loop starts anew for each tap, which pays only where a tap is deep.",
        sure(
            losses > 0.8 * len(pointwise) and max(pointwise.values()) < 0.1,
            "**It is slightly slower on 1x1: carries over.** It takes more instructions in"
            f" {losses} of {len(pointwise)} runs; they change by {span(pointwise)}.",
        ),
        lucky_wins(grids),
        table_sizes(),
    ]


def lucky_wins(grids: Sequence[Grid]) -> str:
    """Say that the indirect algorithms are ahead on 1x1 only where im2col itself is slow."""
    slow = {
        name: grid.ratios(BASE, DIRECT)[name]
        for grid in grids
        for title in INDIRECT
        if title in grid.study.titles
        for name, ratio in grid.ratios(title).items()
        if ratio < 0 and is_pointwise(grid.study.layer(name))
    }
    where = ", ".join(f"{name} ({percent(ratio)})" for name, ratio in slow.items())
    return sure(
        min(slow.values(), default=1) > 0.2,
        f"The exceptions are where `{BASE}` itself takes many more than `{DIRECT}`, which"
        f" multiplies the same: {where}. There the compiler keeps its sums in memory instead of"
        " registers.",
    )


def table_sizes() -> str:
    """Compare the tables with the whole matrix and with a few patches."""
    whole, few = {}, {}
    for study in INDIRECT_STUDIES:
        _, patches, *_ = study.titles
        for layer in study.layers:
            if not is_pointwise(layer):
                name = f"{layer['name']}, `{study.target}`"
                whole[name] = memory_ratio(study, layer["name"], "indirect_init", BASE)
                few[name] = memory_ratio(study, layer["name"], "indirect_row", patches)
    return (
        f"The whole table takes {times(whole)} times the bytes of the whole matrix; that of a row"
        f" {times(few)} times those of the few patches that a block needs, less in"
        f" {sum(ratio < 1 for ratio in few.values())} of {len(few)} layers."
    )


def about_kn2row(grids: Sequence[Grid]) -> list[str]:
    """Compare kn2row with im2col in memory and instructions."""
    _, *studies = (grid.study for grid in grids)
    in_float, in_int8 = (
        {name: memory_ratio(study, name, "kn2row_as", BASE) for name in study.names}
        for study in studies
    )
    deep = pooled(grids, ["kn2row_aa"], lambda layer: not is_image(layer))
    depth = min(
        layer["input"]["shape"][2]
        for grid in grids
        for layer in grid.study.layers
        if not is_image(layer)
    )
    shallow = pooled(grids, ["kn2row_aa"], is_image)
    planes = pooled(grids, ["kn2row", "kn2row_as"], lambda layer: True)
    return [
        "**kn2row takes a fraction of the memory: carries over for its accumulating form alone.**"
        " `kn2row_aa` needs nothing in float32 and a row of 32-bit sums in int8.",
        sure(
            max(in_float.values()) > 1 and sum(ratio > 1 for ratio in in_int8.values()) > 2,
            f"`kn2row_as` takes {times(in_float)} times the matrix of `{BASE}` in float32 and"
            f" {times(in_int8)} times in int8, where sums are four times as large as inputs"
            " and a second plane adds them up.",
        ),
        sure(
            max(deep.values()) < 0.05,
            f"**As fast as patch building: carries over for deep inputs.** From {depth} channels"
            f" on `kn2row_aa` changes instructions by {span(deep)}; the best are small"
            " images, of whose padding im2col multiplies the zeros.",
        ),
        sure(
            max(shallow.values()) > 0.1,
            f"On images of 3 channels it changes them by {span(shallow)}: sums are loaded"
            " and stored for every tap, and a tap is but 3 products.",
        ),
        f"The forms with planes change them by {span(planes)}.",
    ]


def about_all(grids: Sequence[Grid]) -> list[str]:
    """Compare what the papers leave out."""
    mec, *_ = grids
    direct = pooled(grids, [DIRECT], lambda layer: True)
    small, large = mec.ratios("winograd_2x2"), mec.ratios("winograd_4x4")
    fewer = sum(ratio < 0 for ratio in direct.values())
    return [
        f"**What these claims leave out.** `{DIRECT}` needs no"
        f" workspace and takes fewer instructions than `{BASE}` in {fewer} of {len(direct)} runs;"
        f" they change by {span(direct)}. Whether the compiler keeps an inner loop in"
        " registers moves a layer by more than most of the algorithms differ.",
        sure(
            max(small.values()) < -0.2 and max(large.values()) < -0.5,
            "Winograd alone saves much of the work, on 3x3 kernels with stride 1 and for more"
            f" weights in flash: `winograd_2x2` changes instructions by {span(small)},"
            f" `winograd_4x4` by {span(large)}.",
        ),
    ]


def pooled(
    grids: Iterable[Grid], titles: Sequence[str], wanted: Callable[[Spec], bool]
) -> dict[str, float]:
    """Return how *titles* compare with im2col on the wanted layers of several grids."""
    return {
        ", ".join(
            (name, *code([title] if len(titles) > 1 else []), f"`{grid.study.target}`")
        ): ratio
        for grid in grids
        for title in titles
        if title in grid.study.titles
        for name, ratio in grid.ratios(title).items()
        if wanted(grid.study.layer(name))
    }


def memory_ratio(study: Study, layer: str, title: str, base: str) -> float:
    """Return a workspace over that of *base*."""
    mine, other = (required(study.jobs[layer, name]).workspace_bytes for name in (title, base))
    return mine / other


def times(ratios: Mapping[str, float]) -> str:
    """Return the range of factors."""
    return f"{min(ratios.values()):.2g} to {max(ratios.values()):.2g}"


def is_pointwise(layer: Spec) -> bool:
    """Whether im2col copies nothing."""
    return bool(layer["kernel_size"] == 1)


def is_image(layer: Spec) -> bool:
    """Whether the input is a picture, of three channels."""
    return bool(layer["input"]["shape"][2] == 3)


if __name__ == "__main__":
    main()
