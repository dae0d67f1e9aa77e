"""Random layers of every feature, mixed: every algorithm, natively under sanitizers and in QEMU.

The reference is tests/numpy_reference.py, which shares no code with convgen.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, seed, settings
from hypothesis import strategies as st

import emulated
import loops
import native
import numpy_reference
from convgen import select, target
from convgen.algorithms import ALGORITHMS
from convgen.comparison import compare
from convgen.layer import Geometry, Layer
from convgen.overlap import share
from convgen.plan import Plan
from convgen.trial import Trial
from pool_simulator import survives
from random_layers import Kind, inputs_for, layers

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
ANY = (*INT8, *DEPTHWISE, *POINTWISE, *FLOAT32)
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
FRAMED = tuple(replace(kind, shape="framed") for kind in PLANES)
USUAL = Kind("int8", grouping="none", usual=True)
USUAL_POINTWISE = replace(USUAL, shape="pointwise")
UNGROUPED = (
    Kind("int8", grouping="none"),
    USUAL,
    replace(USUAL, shape="same"),
    replace(USUAL, rounding="single"),
)
SHARING = ("cortex-m4", "rv32imc")  # whose blocks have two pixels
DSP = ("cortex-m4",)
FOUR = ("rv32imc",)  # whose blocks have four
ASSEMBLIES = (*TARGETS, "cortex-m3")  # one for each that kernels and Winograd have

FAMILIES = (
    Family("direct", ANY, targets=ASSEMBLIES),
    Family("direct_w16", (*UNGROUPED, USUAL_POINTWISE), targets=ASSEMBLIES),
    Family("direct_p1", ANY, targets=SHARING),
    Family("direct_p1_w16", (*UNGROUPED, USUAL_POINTWISE), targets=SHARING),
    Family("direct_planes.*", (*PLANES, *FRAMED, *FRAMED)),
    Family("im2col_(p1|full)", ANY, targets=ASSEMBLIES),
    Family("im2col_(p1|full)_w16", (*UNGROUPED, USUAL_POINTWISE), targets=ASSEMBLIES),
    Family("im2col_p2", ANY, targets=SHARING),
    Family("im2col_p2_w16", (*UNGROUPED, USUAL_POINTWISE), targets=SHARING),
    Family("im2col_p4", (*INT8, *POINTWISE, *FLOAT32), targets=FOUR),
    Family("im2col_p2_wide(_w16)?", (*UNGROUPED, USUAL_POINTWISE, *WIDE), targets=DSP),
    Family("kn2row", (*INT8, *POINTWISE, *FLOAT32)),
    Family("kn2row_as", (*INT8, *POINTWISE, *FLOAT32)),
    Family("kn2row_aa.*", (*SAME, *SAME, *SAME, *INT8)),
    Family("indirect_.*", (*INT8, *DEPTHWISE, *FLOAT32)),
    Family("mec.*", (*INT8, *DEPTHWISE, *FLOAT32)),
    Family("winograd_.*_t1(_ram)?", SQUARES, targets=ASSEMBLIES),
    Family("winograd_.*_t2(_ram)?", WIDE, targets=ASSEMBLIES),
    Family("winograd_.*_t4(_ram)?", WIDE, targets=("cortex-m0", "rv32imc")),
)
LEAST_NATIVE, LEAST_EMULATED, LEAST_ON_M0 = 200, 20, 6  # layers that each algorithm is tried on
MOST_ROUNDS = 12  # of random layers, until each algorithm has had so many that it can do
TOGETHER = 5  # layers natively in one program: linking it takes as long as compiling a layer


def test_every_algorithm_is_of_one_family() -> None:
    for algorithm in ALGORITHMS:
        assert sum(family.has(algorithm.name) for family in FAMILIES) == 1


def settled(examples: int) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@st.composite
def layers_for(draw: st.DrawFn, kinds: tuple[Kind, ...]) -> Layer:
    return draw(layers(draw(st.sampled_from(kinds))))


def cases_for(family: Family) -> st.SearchStrategy[tuple[Layer, str, bool]]:
    return st.tuples(layers_for(family.kinds), st.sampled_from(family.targets), st.booleans())


def native_job(
    layer: Layer, board: str, overlapping: bool, names: Collection[str] | None = None
) -> native.Job:
    """Return the variants (of *names*) that can do *layer*, with tensors apart or overlapping."""
    played = native.played_here(target.load(board))
    chosen = [
        variant
        for variant in native.variants(layer, played)
        if (names is None or variant.plan.algorithm in names)
        and overlapping == (variant.pool is not None)
    ]
    return native.Job(chosen, played, inputs_for(layer))


def check_pool(plan: Plan) -> None:
    """Check that the order it states reads no byte of one pool that it has overwritten."""
    plan, pool = share(plan)
    layer = plan.layer
    assert survives(layer.geometry, plan.order, pool, layer.elem_bytes), plan.algorithm


def fair_inputs(plan: Plan) -> int:
    """Return how many of the two inputs it promises to be right for: not those of half zeros."""
    return 1 if plan.rounds_coarsely else 2


def try_enough(family: Family, least: int, trials: Callable[[set[str], int], Counter[str]]) -> None:
    """Call *trials* with one seed after the other until each algorithm has had enough layers.

    It is called with the names of those that have not.
    """
    tried = Counter[str]()
    for number in range(MOST_ROUNDS):
        tried += trials({name for name in family.algorithms if tried[name] < least}, number)
        if all(tried[name] >= least for name in family.algorithms):
            return
    raise AssertionError(f"too few layers: {tried}")


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.names)
def test_an_algorithm_is_right_natively_under_sanitizers(family: Family) -> None:
    def trials(names: set[str], number: int) -> Counter[str]:
        return try_natively(family, names, programs=8, number=number)

    try_enough(family, LEAST_NATIVE, trials)


def try_natively(family: Family, names: set[str], programs: int, number: int) -> Counter[str]:
    """Try *names* on random layers; return on how many each algorithm was tried."""
    tried = Counter[str]()

    @seed(number)
    @settled(programs)
    @given(st.lists(cases_for(family), min_size=TOGETHER, max_size=TOGETHER))
    def run(cases: list[tuple[Layer, str, bool]]) -> None:
        jobs = [
            native_job(replace(layer, name=f"{layer.name}{i}"), board, overlapping, names)
            for i, (layer, board, overlapping) in enumerate(cases)
        ]
        jobs = [job for job in jobs if job.chosen]
        assume(jobs)
        with tempfile.TemporaryDirectory() as folder:
            results = native.run(Path(folder), jobs)
        for job, outputs in zip(jobs, results, strict=True):
            for variant in job.chosen:
                check_pool(variant.plan)
                count = fair_inputs(variant.plan)
                found = outputs[variant.label][:count]
                emulated.check(job.layer, job.inputs[:count], found, variant.label)
            tried.update(variant.plan.algorithm for variant in job.chosen)

    run()
    return tried


@pytest.mark.parametrize(
    ("board", "family"),
    [
        pytest.param(board, family, id=f"{board}-{family.names}")
        for family in FAMILIES
        for board in family.targets
    ],
)
def test_an_algorithm_is_right_under_qemu(board: str, family: Family) -> None:
    least = LEAST_ON_M0 if board == "cortex-m0" else LEAST_EMULATED

    def trials(names: set[str], number: int) -> Counter[str]:
        return try_under_qemu(board, family, names, layers=least, number=number)

    try_enough(family, least, trials)


def try_under_qemu(
    board: str, family: Family, names: set[str], layers: int, number: int
) -> Counter[str]:
    """Try *names* on so many random layers; return on how many each algorithm was tried."""
    board_target = emulated.tools(board)[1].target
    tried = Counter[str]()

    @seed(number)
    @settled(layers)
    @given(layers_for(family.kinds), st.booleans())
    def run(layer: Layer, overlap: bool) -> None:
        found, _ = select.survey(layer, board_target, overlap=overlap)
        candidates = [candidate for candidate in found if candidate.algorithm in names]
        for candidate in candidates:
            inputs = inputs_for(layer)[: fair_inputs(candidate.plan)]
            outputs, trial = emulated.run(candidate, board, inputs)
            check_measured(trial)
            emulated.check(layer, inputs, outputs, candidate.algorithm)
        tried.update(candidate.algorithm for candidate in candidates)

    run()
    return tried


EDGES = tuple(
    Kind("int8", shape=shape, extreme=extreme)
    for shape in ("edge", "winograd")
    for extreme in (False, True)
)


@seed(1)
@settled(60)
@given(layers_for(EDGES), st.sampled_from(TARGETS), st.booleans())
def test_every_algorithm_gives_the_bytes_of_direct(
    layer: Layer, board: str, overlapping: bool
) -> None:
    """Near the edges: one row, one column, one channel, stride 3, wide padding, extreme numbers."""
    with tempfile.TemporaryDirectory() as folder:
        (outputs,) = native.run(Path(folder), [native_job(layer, board, overlapping)])
    direct, *others = outputs.items()
    assert direct[0].startswith("direct")
    for label, output in others:
        np.testing.assert_array_equal(output, direct[1], err_msg=f"{label}: {layer.geometry}")


def check_measured(trial: Trial) -> None:
    assert trial.stack is not None
    assert trial.stack_bound is not None
    assert trial.stack <= trial.stack_bound
    assert trial.heap == trial.static == 0


@seed(1)
@settled(40)
@given(layers(Kind("int8")))
def test_the_two_references_agree(layer: Layer) -> None:
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
    layer = Layer(
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
        assert compare(layer, inputs, output).first is None, label
