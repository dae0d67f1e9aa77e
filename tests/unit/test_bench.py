"""The comparison with other libraries: what is chosen, the means, the log of executed blocks."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import minimal
from cases import CASES
from convgen.bench import insight
from convgen.bench.run import emulator
from convgen.bench.trial import attempt
from convgen.errors import VerificationError
from convgen.schedule.select import named, survey
from convgen.targets import target

ROOT = Path(__file__).parents[2]
MODULES = ("bench", "bench_chart", "bench_peers", "bench_runs", "bench_tables", "cycles", "measure")


@pytest.fixture(scope="module")
def scripts() -> Iterator[SimpleNamespace]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "benchmarks")
        yield SimpleNamespace(**{name: importlib.import_module(name) for name in MODULES})


# Layers


def test_each_layer_of_the_peers_loads_and_has_its_multiplications(
    scripts: SimpleNamespace,
) -> None:
    peers = scripts.bench_peers
    assert len(peers.LAYERS) == 17
    for layer in peers.LAYERS.values():
        loaded = minimal.load(layer.spec)
        assert loaded.geometry.macs == layer.macs, layer.name
        assert loaded.zero_point == -128
        assert layer.rival("cortex-m4") is not None


def test_a_layer_after_relu_ends_at_minus_128(scripts: SimpleNamespace) -> None:
    loaded = {
        name: minimal.load(scripts.bench_peers.LAYERS[name].spec) for name in ("kws_dw", "r8_s1")
    }
    assert loaded["kws_dw"].quantization
    assert loaded["kws_dw"].quantization.out_zero_point == -128
    assert (loaded["kws_dw"].activation, loaded["r8_s1"].activation) == ("relu", "none")


# Questions and answers


def figures(
    scripts: SimpleNamespace, algorithm: str, instructions: int, workspace: int, **more: Any
) -> Any:
    sizes = {"stack": 1, "code": 2, "constants": 3}
    return scripts.bench_runs.Figures(
        algorithm=algorithm, instructions=instructions, workspace=workspace, **sizes, **more
    )


def test_the_best_is_the_fastest_within_the_limit(scripts: SimpleNamespace) -> None:
    runs = scripts.bench_runs
    found = [
        figures(scripts, "direct", 100, 0),
        figures(scripts, "im2col_p2", 90, 288),
        figures(scripts, "winograd_2x2_t1", 50, 768),
        figures(scripts, "winograd_4x4_t1", 30, 1728),
    ]

    def best(limit: int | None, algorithms: str = "") -> str | None:
        winner = runs.fastest(found, runs.Question(limit=limit, algorithms=algorithms))
        return winner.algorithm if winner else None

    assert [best(limit) for limit in (0, 287, 288, None)] == [
        "direct", "direct", "im2col_p2", "winograd_4x4_t1",
    ]  # fmt: skip
    assert best(4096, "winograd_2x2") == "winograd_2x2_t1"
    assert best(100, "winograd") is None


def test_of_equals_the_one_with_less_workspace_is_the_best(scripts: SimpleNamespace) -> None:
    runs = scripts.bench_runs
    found = [figures(scripts, "mec", 100, 64), figures(scripts, "direct", 100, 0)]
    assert runs.fastest(found, runs.Question(limit=None)).algorithm == "direct"


def test_the_predicted_fastest_within_the_limit_are_tried(scripts: SimpleNamespace) -> None:
    runs = scripts.bench_runs
    layer = minimal.load(minimal.made_up())
    candidates, _ = survey(layer, target.load("cortex-m4"), overlap=False)
    limit = 200
    tried = runs.shortlist(candidates, runs.Question(limit=limit))
    assert len(tried) == runs.TRIES
    rest = [c for c in candidates if c.plan.workspace_bytes <= limit and c not in tried]
    assert max(c.instructions for c in tried) <= min(c.instructions for c in rest)
    assert all(c.plan.workspace_bytes <= limit for c in tried)


def test_what_is_asked_depends_on_the_peer_and_the_layer(scripts: SimpleNamespace) -> None:
    runs, layers = scripts.bench_runs, scripts.bench_peers.LAYERS
    assert list(runs.questions("rv32imc", layers["dil2"])) == ["none", "any"]
    asked = runs.questions("cortex-m4", layers["r8_s2"])
    assert list(asked) == ["peer", "none", "any", "int8", "winograd_2x2", "winograd_4x4"]
    assert asked["peer"].limit == 1152
    assert asked["int8"].admits("direct", 0)
    assert not asked["int8"].admits("direct_w16", 0)


# Tables


@pytest.fixture
def results(scripts: SimpleNamespace) -> Any:
    runs = scripts.bench_runs
    direct = figures(scripts, "direct", 1_000_000, 0, cycles=1_500_000)
    best = figures(scripts, "winograd_4x4_t1", 500_000, 4000)
    answers = {"peer": direct, "none": direct, "any": best}
    return runs.Results(
        tools={"cortex-m4": "a compiler"},
        answers={runs.Job(board="cortex-m4", layer=name): answers for name in ("r8_s1", "kws_dw")},
    )


def test_ratios_are_to_the_rival_and_means_geometric(
    scripts: SimpleNamespace, results: Any
) -> None:
    tables = scripts.bench_tables
    ratios = tables.ratios(results, "cortex-m4", "peer")
    expected = {"r8_s1": 1_000_000 / 5_347_292, "kws_dw": 1_000_000 / 503_207}
    assert ratios == pytest.approx(expected)
    product = expected["r8_s1"] * expected["kws_dw"]
    assert tables.mean(ratios) == pytest.approx(product**0.5)
    cycles = tables.cycle_ratios(results, "cortex-m4", "peer")
    assert cycles["r8_s1"] == pytest.approx(1_500_000 / 6_673_784)


def test_another_peer_is_compared_with_what_needs_no_more_workspace(
    scripts: SimpleNamespace, results: Any
) -> None:
    found = scripts.bench_tables.within(results, "cortex-m4", "tinyengine")
    assert found["r8_s1"] == pytest.approx(500_000 / 5_806_447)  # 5,184 bytes
    plain = scripts.bench_tables.within(results, "cortex-m4", "plain_c")
    assert plain["r8_s1"] == pytest.approx(1_000_000 / 12_263_463)


def test_figures_are_kept_as_they_are(scripts: SimpleNamespace, results: Any) -> None:
    runs = scripts.bench_runs
    assert runs.from_json(runs.as_json(results)) == results


def test_the_page_and_its_chart_are_of_the_figures_kept(scripts: SimpleNamespace) -> None:
    bench = scripts.bench
    kept = scripts.bench_runs.from_json(bench.FIGURES.read_text(encoding="utf-8"))
    assert kept.boards == list(scripts.bench_peers.RIVALS)
    hint = "run `python benchmarks/bench.py --page`"
    assert bench.PAGE.read_text(encoding="utf-8") == bench.document(kept), hint
    svg = scripts.bench_chart.svg(bench.chart(kept))
    assert bench.CHART.read_text(encoding="utf-8") == svg, hint


def test_the_readme_has_the_means_of_the_page(scripts: SimpleNamespace) -> None:
    runs, tables = scripts.bench_runs, scripts.bench_tables
    kept = runs.from_json(runs.FIGURES.read_text(encoding="utf-8"))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (sentence,) = re.findall(r"^Over 17 int8 layers(?:.|\n)*?\n\n", readme, re.MULTILINE)
    means = {tables.ratio(tables.mean(tables.ratios(kept, board, "peer"))) for board in kept.boards}
    assert set(re.findall(r"\d\.\d\d", sentence)) == means


def test_a_bar_is_as_long_as_its_ratio(scripts: SimpleNamespace) -> None:
    module = scripts.bench_chart
    chart = module.Chart(title="t", rows=("a", "b"), series={"s": {"a": 0.5}, "u": {"b": 2.0}})
    widths = re.findall(r'class="series(\d)" [^>]* width="([\d.]+)" height="8"', module.svg(chart))
    assert widths == [("0", f"{module.SCALE / 4:.1f}"), ("1", f"{module.SCALE:.1f}")]


# Cycles


LOG = """\
----------------
IN: convgen_call_on_stack
0x00000010:  4798       blx      r3

Trace 0: 0x7f01 [00800408/00000010/00000110/ff000200] convgen_call_on_stack
----------------
IN: stem
0x00000100:  6808       ldr      r0, [r1]
0x00000102:  f851 2b04  ldr.w    r2, [r1], #4
0x00000106:  fb20 0302  smlad    r3, r0, r2, r0
0x0000010a:  d1f9       bne      #0x100

Trace 0: 0x7f02 [00800408/00000100/00000110/ff000200] stem
Trace 0: 0x7f02 [00800408/00000100/00000110/ff000200] stem
Stopped execution of TB chain before 0x7f02 [00000100] stem
----------------
IN: stem
0x00000100:  6808       ldr      r0, [r1]

Trace 0: 0x7f03 [00800408/00000100/00000110/ff000201] stem
----------------
IN: stem
0x00000102:  f851 2b04  ldr.w    r2, [r1], #4
0x00000106:  fb20 0302  smlad    r3, r0, r2, r0
0x0000010a:  d1f9       bne      #0x100

Trace 0: 0x7f04 [00800408/00000102/00000110/ff000200] stem
----------------
IN: stem
0x0000010c:  bdf0       pop      {r4, r5, r6, r7, pc}

Trace 0: 0x7f05 [00800408/0000010c/00000110/ff000200] stem
----------------
IN: convgen_call_on_stack
0x00000012:  46a5       mov      sp, r4

Trace 0: 0x7f06 [00800408/00000012/00000110/ff000200] convgen_call_on_stack
----------------
IN: main
0x00000200:  4770       bx       lr

Trace 0: 0x7f07 [00800408/00000200/00000010/ff000200] main
"""


def estimated(scripts: SimpleNamespace, log: str) -> Any:
    cycles = scripts.cycles
    return cycles.estimate_of(cycles.last_call(cycles.executed(log.splitlines(keepends=True))))


def test_blocks_of_the_call_are_counted_with_their_branches(scripts: SimpleNamespace) -> None:
    first = (2 + 1 + 1 + 1) + 2  # the second load is pipelined; the branch is taken
    cut_in_two = 2 + (2 + 1 + 1)  # what is pipelined across blocks is not known; not taken
    pop = 6 + 2
    found = estimated(scripts, LOG)
    assert (found.instructions, found.cycles) == (4 + 4 + 1, first + cut_in_two + pop)


def test_a_block_without_its_translation_is_refused(scripts: SimpleNamespace) -> None:
    with pytest.raises(VerificationError, match="7f02"):
        estimated(scripts, LOG.replace("0x00000100:", "0x00000104:"))


@pytest.mark.emulator
@pytest.mark.parametrize(
    ("name", "algorithm"), [("planes", "direct_planes"), ("deep", "im2col_p2")]
)
def test_block_counts_give_the_cycles_that_the_log_gives(
    scripts: SimpleNamespace, tmp_path: Path, name: str, algorithm: str
) -> None:
    board = target.load("cortex-m4")
    layer = minimal.load(CASES[name])
    found, rejected = survey(layer, board, overlap=False)
    (candidate,) = named(algorithm, found, rejected)
    bench = scripts.measure.bench_for(layer, board)
    logged = scripts.cycles.estimate(candidate.plan, bench, candidate.instructions)
    trial = attempt(candidate, bench, tmp_path / "c", board.memory.ram, roomy=True)
    counts = emulator.block_counts(
        trial.image,
        board,
        bench.vectors.inputs[0].tobytes(),
        expected_instructions=trial.candidate.instructions * len(bench.vectors.inputs[0]),
    )
    wanted = insight.wanted(board, cycles=True, flash_wait_states=0, profile=False)
    counted = insight.look_into(trial, board, counts, wanted).cycles
    assert counted
    assert counted.cycles == pytest.approx(logged.cycles, rel=0.005)


def test_the_peers_file_is_data(scripts: SimpleNamespace) -> None:
    about = json.loads(scripts.bench_peers.FILE.read_text(encoding="utf-8"))["about"]
    peers = scripts.bench_peers.LAYERS["r8_s1"].peers
    assert {peer for found in peers.values() for peer in found} <= about["peers"].keys()
