"""Random layers of every feature, mixed: every algorithm, natively under sanitizers and in QEMU.

The reference is tests/numpy_reference.py, which shares no code with convgen.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

import batch
import emulated
import loops
import native
import numpy_reference
from batch import Options
from convgen.bench.proof.comparison import compare
from convgen.model.geometry import Geometry
from convgen.model.ops.conv2d import Conv2d
from convgen.plans.conv import ALGORITHMS
from convgen.plans.plan import Plan
from convgen.schedule.overlap import share
from convgen.targets import target
from convgen.targets.target import Target
from pool_simulator import survives
from random_layers import Kind, drawn, inputs_for, layers

pytestmark = pytest.mark.slow

# each target has kernels of another block size, which native code can run as well
TARGETS = ("cortex-m0", "cortex-m4", "rv32imc")


@dataclass(frozen=True)
class Family:
    """Algorithms by a pattern of their names, and the kinds of layers for them."""

    names: str
    kinds: tuple[Kind, ...]
    targets: tuple[str, ...] = TARGETS

    def has(self, algorithm: str) -> bool:
        return re.fullmatch(self.names, algorithm) is not None

    @property
    def algorithms(self) -> list[str]:
        return [algorithm.name for algorithm in ALGORITHMS if self.has(algorithm.name)]


INT8 = (
    Kind("int8"),
    Kind("int8", shape="same"),
    Kind("int8", rounding="single"),
    Kind("int8", grouping="grouped"),
)
DEPTHWISE = (Kind("int8", grouping="depthwise"), Kind("float32", grouping="depthwise"))
POINTWISE = (Kind("int8", shape="pointwise"),)
FLOAT32 = (Kind("float32"), Kind("float32", grouping="grouped"))
INT16 = (Kind("int16"),)
USUAL_INT16 = (
    Kind("int16", grouping="none", usual=True),
    Kind("int16", grouping="none", usual=True, shape="pointwise"),
    Kind("int16", grouping="channels"),
)
ANY = (*INT8, *DEPTHWISE, *POINTWISE, *FLOAT32, *INT16)
SAME = tuple(
    Kind(dtype, shape="same", grouping=grouping)
    for dtype in ("int8", "float32")
    for grouping in ("none", "grouped")
)
SQUARES = (
    Kind("int8", shape="winograd"),
    Kind("int8", shape="winograd", grouping="none"),
    Kind("int8", shape="winograd", grouping="none", rounding="single"),
    Kind("float32", shape="winograd", grouping="none", deep=True),
)
WIDE = tuple(replace(kind, shape="wide", grouping="none") for kind in SQUARES)
PLANES = (
    Kind("int8", shape="planes", grouping="channels"),
    Kind("int8", shape="planes", grouping="channels", rounding="single"),
)
WINDOWS = tuple(replace(kind, shape="windows") for kind in PLANES)
INSIDE = tuple(replace(kind, shape="inside", grouping="fours") for kind in PLANES)
FRAMED = tuple(replace(kind, shape="framed") for kind in PLANES)
USUAL = Kind("int8", grouping="none", usual=True)
USUAL_POINTWISE = replace(USUAL, shape="pointwise")
UNGROUPED = (
    Kind("int8", grouping="none"),
    USUAL,
    replace(USUAL, shape="same"),
    replace(USUAL, rounding="single"),
)
NIBBLES = tuple(replace(kind, bits=4) for kind in (USUAL, USUAL_POINTWISE))
WITH_USUAL = (*ANY, *UNGROUPED, USUAL_POINTWISE, *USUAL_INT16)  # many that assembly can do
SHARING = ("cortex-m4", "rv32imc")  # whose blocks have two pixels
DSP = ("cortex-m4",)
HELIUM = ("cortex-m55",)
FOUR = ("rv32imc",)  # whose blocks have four
ASSEMBLIES = (*TARGETS, "cortex-m3")  # one for each that kernels and Winograd have

FAMILIES = (
    Family("direct", WITH_USUAL, targets=ASSEMBLIES),
    Family("direct_w16", (*UNGROUPED, USUAL_POINTWISE, *USUAL_INT16), targets=ASSEMBLIES),
    Family("direct_p1", WITH_USUAL, targets=SHARING),
    Family("direct_p1_w16", (*UNGROUPED, USUAL_POINTWISE, *USUAL_INT16), targets=SHARING),
    Family("direct_planes(_inplace)?", (*PLANES, *FRAMED, *FRAMED)),
    Family("direct_planes_wide.*", (*WINDOWS, *WINDOWS, *FRAMED), targets=DSP),
    Family("direct_quads", (*PLANES, *WINDOWS, *FRAMED), targets=HELIUM),
    Family("im2col_(p1|full)", WITH_USUAL, targets=ASSEMBLIES),
    Family("im2col_(p1|full)_w16", (*UNGROUPED, USUAL_POINTWISE, *USUAL_INT16), targets=ASSEMBLIES),
    Family("im2col_p2", WITH_USUAL, targets=SHARING),
    Family("im2col_p2_w16", (*UNGROUPED, USUAL_POINTWISE, *USUAL_INT16), targets=SHARING),
    Family("im2col_p4", (*INT8, *POINTWISE, *FLOAT32), targets=FOUR),
    Family("im2col_p2_wide(_w16)?", (*UNGROUPED, USUAL_POINTWISE, *WIDE), targets=DSP),
    Family("(direct|im2col_p2|im2col_p2_wide)_w4", NIBBLES, targets=DSP),
    Family("kn2row", (*INT8, *POINTWISE, *FLOAT32, *INT16)),
    Family("kn2row_as", (*INT8, *POINTWISE, *FLOAT32, *INT16)),
    Family("kn2row_aa.*", (*SAME, *SAME, *SAME, *INT8, *INT16)),
    Family("indirect_.*", (*INT8, *DEPTHWISE, *FLOAT32, *INT16)),
    Family("direct_lanes", INSIDE, targets=DSP),
    Family("mec(_ring)?", (*INT8, *DEPTHWISE, *FLOAT32, *INT16)),
    Family("mec_w16", (*UNGROUPED, *USUAL_INT16), targets=ASSEMBLIES),
    Family("winograd_.*_t1(_ram)?", SQUARES, targets=ASSEMBLIES),
    Family("winograd_.*_t2(_ram)?", WIDE, targets=ASSEMBLIES),
    Family("winograd_.*_t4(_ram)?", WIDE, targets=("cortex-m0", "rv32imc")),
)
ASSEMBLED = {
    "cortex-m0": r".*_w16|winograd_.*",
    "cortex-m3": r".*_w16|winograd_.*",
    "cortex-m4": r"(direct|im2col|winograd)_?.*|mec_w16",
    "cortex-m55": "direct_quads",
    "rv32imc": r".*_w16|winograd_.*",
}
"""Those that are in assembly for most layers."""
FORM = re.compile(r"_ram$|_inplace$|(?<=^im2col_)(full|p1)|(?<=^winograd_)[24]x[24]")
"""In a name, what tells it from another algorithm with the same assembly, and other C around it."""
LEAST_IN_POOLS, LEAST_NATIVE = 200, 30  # layers for each algorithm, which its forms share
LEAST_EMULATED = 4  # the same, beside those of test_every_target, which are compiled alike
LEAST_ASSEMBLED = {
    "cortex-m0": 200,
    "cortex-m3": 60,
    "cortex-m4": 200,
    "cortex-m55": 60,
    "rv32imc": 200,
}
"""Layers for each algorithm's assembly, which two that have the same share."""
MOST_ROUNDS = 60  # of random layers, until each algorithm has had so many that it can do
TOGETHER = 40  # layers in one program or image
NEAR_EDGES = 12  # the same, by every algorithm
USUAL_OPTIONS = Options(layers_in_unit=4)  # of more, GCC would inline less than of one
QUICK = Options(compile=("-O0",), layers_in_unit=1000, measured=False)


def test_every_algorithm_is_of_one_family() -> None:
    for algorithm in ALGORITHMS:
        assert sum(family.has(algorithm.name) for family in FAMILIES) == 1


def jobs_for(
    family: Family, boards: Sequence[Target], names: Collection[str], number: int
) -> list[native.Job]:
    """Return random layers for the *boards* in turn, half of them in one pool."""
    jobs = []
    for i, layer in enumerate(drawn(family.kinds, TOGETHER, number)):
        board = boards[i // 2 % len(boards)]
        if chosen := native.variants(layer, board, names, overlapping=i % 2 > 0):
            jobs.append(native.Job(chosen, board, inputs_for(layer)))
    return jobs


def algorithms_of(jobs: Sequence[native.Job]) -> Counter[str]:
    """Return on how many layers each algorithm is tried."""
    return Counter(variant.plan.algorithm for job in jobs for variant in job.chosen)


def least_assembled(board: str, name: str) -> int:
    """Return on how many layers the algorithm *name* is tried in assembly."""
    return shared(LEAST_ASSEMBLED[board], name) if re.fullmatch(ASSEMBLED[board], name) else 0


def shared(count: int, name: str) -> int:
    """Return the part of *count* layers that falls to the algorithm *name*, one form of several."""
    kernels = [FORM.sub("", algorithm.name) for algorithm in ALGORITHMS]
    return count // kernels.count(FORM.sub("", name))


def assembled(jobs: Sequence[native.Job]) -> Counter[str]:
    """Return the same of layers for which it is in assembly."""
    return Counter(
        variant.plan.algorithm for job in jobs for variant in job.chosen if variant.plan.assembly
    )


def no_more(jobs: Sequence[native.Job], wanted: Callable[[str], int]) -> list[native.Job]:
    """Return *jobs* with each algorithm as often as it is *wanted*, and not more often."""
    taken, found = Counter[str](), []
    for job in jobs:
        chosen = []
        for variant in job.chosen:
            name = variant.plan.algorithm
            if taken[name] < wanted(name):
                chosen.append(variant)
                taken[name] += 1
        if chosen:
            found.append(replace(job, chosen=chosen))
    return found


def check_pool(plan: Plan) -> None:
    """Check that the order it states reads no byte of one pool that it has overwritten."""
    plan, pool = share(plan)
    layer = plan.layer
    assert survives(layer.geometry, plan.order, pool, layer.elem_bytes), plan.algorithm


def try_enough(
    names: Collection[str], enough: Callable[[str], bool], trials: Callable[[set[str], int], None]
) -> None:
    """Call *trials* with one seed after the other until it is *enough* for each of *names*.

    It is called with those for which it is not.
    """
    for number in range(MOST_ROUNDS):
        trials({name for name in names if not enough(name)}, number)
        if all(map(enough, names)):
            return
    raise AssertionError(f"too few layers: {[name for name in names if not enough(name)]}")


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.names)
def test_an_algorithm_is_right_natively_under_sanitizers(family: Family) -> None:
    """In exactly the memory that it asks for; of more layers the order in one pool is simulated."""
    boards = [native.played_here(target.load(board)) for board in family.targets]
    tried, simulated = Counter[str](), Counter[str]()

    def enough(name: str) -> bool:
        return all(
            count[name] >= shared(least, name)
            for count, least in ((tried, LEAST_NATIVE), (simulated, LEAST_IN_POOLS))
        )

    def trials(names: set[str], number: int) -> None:
        jobs = jobs_for(family, boards, names, number)
        for job in jobs:
            for variant in job.chosen:
                check_pool(variant.plan)
        simulated.update(algorithms_of(jobs))
        if jobs := no_more(jobs, lambda name: shared(LEAST_NATIVE, name) - tried[name]):
            with tempfile.TemporaryDirectory() as folder:
                emulated.check_jobs(jobs, native.run(Path(folder), jobs))
        tried.update(algorithms_of(jobs))

    try_enough(family.algorithms, enough, trials)


@pytest.mark.parametrize(
    ("board", "family"),
    [
        pytest.param(board, family, id=f"{board}-{family.names}")
        for family in FAMILIES
        for board in family.targets
    ],
)
def test_an_algorithm_is_right_under_qemu(board: str, family: Family) -> None:
    """As the command compiles it and, on more layers, assembly with C that is compiled quickly."""
    bench = emulated.bench(board)
    tried, in_assembly = Counter[str](), Counter[str]()

    def enough(name: str) -> bool:
        least = least_assembled(board, name)
        return tried[name] >= shared(LEAST_EMULATED, name) and in_assembly[name] >= least

    def trials(names: set[str], number: int) -> None:
        jobs = jobs_for(family, [bench.target], names, number)
        quick = all(tried[name] >= shared(LEAST_EMULATED, name) for name in names)
        if quick:
            jobs = [replace(j, chosen=[v for v in j.chosen if v.plan.assembly]) for j in jobs]
            jobs = no_more(jobs, lambda name: least_assembled(board, name) - in_assembly[name])
        else:
            jobs = no_more(jobs, lambda name: shared(LEAST_EMULATED, name) - tried[name])
        if not jobs:
            return
        options = QUICK if quick else USUAL_OPTIONS
        with tempfile.TemporaryDirectory() as folder:
            emulated.check_jobs(jobs, batch.run(Path(folder), jobs, bench, options))
        tried.update(algorithms_of(jobs))
        in_assembly.update(assembled(jobs))

    try_enough(family.algorithms, enough, trials)
    for name in family.algorithms:
        if not re.fullmatch(ASSEMBLED[board], name):
            assert in_assembly[name] < tried[name] / 4, f"{name} is in assembly"


EDGES = tuple(
    Kind("int8", shape=shape, extreme=extreme)
    for shape in ("edge", "winograd")
    for extreme in (False, True)
)


ROUNDED = (*EDGES, Kind("int8"), Kind("int8", rounding="single"))


def settled(examples: int) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.parametrize("part", range(2))
def test_every_algorithm_is_right_near_the_edges(part: int, tmp_path: Path) -> None:
    """One row, one column, one channel, stride 3, wide padding, extreme numbers; half in a pool."""
    boards = [native.played_here(target.load(board)) for board in TARGETS]
    jobs = []
    for i, layer in enumerate(drawn(EDGES, NEAR_EDGES, part)):
        board = boards[i // 2 % len(boards)]
        chosen = native.variants(layer, board, overlapping=i % 2 > 0)
        jobs.append(native.Job(chosen, board, inputs_for(layer)))
    emulated.check_jobs(jobs, native.run(tmp_path, jobs))


@seed(1)
@settled(60)
@given(st.sampled_from(ROUNDED).flatmap(layers))
def test_the_two_references_agree(layer: Conv2d) -> None:
    inputs = inputs_for(layer, count=1)
    if layer.geometry.macs < 20_000:
        np.testing.assert_array_equal(
            numpy_reference.convolve(layer, inputs)[0], loops.convolve(layer, inputs[0])
        )


FAR = (
    Geometry(
        in_h=1, in_w=40000, in_c=4, out_h=2, out_w=1, out_c=2, k_h=1, k_w=2,
        stride_h=60000, stride_w=40000, dilation_h=1, dilation_w=2,
        pad_top=60000, pad_left=0, pad_bottom=0, pad_right=0, groups=2,
    ),
    Geometry(
        in_h=1, in_w=1, in_c=4000, out_h=1, out_w=1, out_c=2, k_h=1, k_w=3,
        stride_h=1, stride_w=1, dilation_h=1, dilation_w=524288,
        pad_top=0, pad_left=1048576, pad_bottom=0, pad_right=0, groups=1,
    ),
    Geometry(
        in_h=1, in_w=1, in_c=4096, out_h=1, out_w=1, out_c=1, k_h=1, k_w=1,
        stride_h=1, stride_w=1048576, dilation_h=1, dilation_w=1,
        pad_top=0, pad_left=0, pad_bottom=0, pad_right=0, groups=1,
    ),
)  # fmt: skip


@pytest.mark.parametrize("geometry", FAR)
def test_taps_far_outside_the_image_overflow_nothing(geometry: Geometry, tmp_path: Path) -> None:
    layer = Conv2d(
        name="far",
        dtype="float32",
        geometry=geometry,
        activation="none",
        activation_min=-np.inf,
        activation_max=np.inf,
        weights=np.ones(
            (geometry.out_c, geometry.k_h, geometry.k_w, geometry.group_in_c), np.float32
        ),
        bias=None,
        quantization=None,
        synthetic=False,
    )
    inputs = inputs_for(layer)
    board = target.load("cortex-m4")
    job = native.Job(native.variants(layer, native.played_here(board)), board, inputs)
    outputs = native.run(tmp_path, [job])[0]
    for label, output in outputs.items():
        assert compare(layer, (inputs,), (output,)).first is None, label
