"""Which algorithm is chosen, how they compare, and what a budget means."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

import minimal
from cases import CASES
from command import (
    FIRST,
    convgen,
    convgen_process,
    generated,
    message,
    tree,
    unfitting,
    write_spec,
)
from contract import MEASURED, applicable, missing
from convgen.model.geometry import Geometry
from convgen.resources import data_dir
from random_layers import Kind, geometries

pytestmark = [pytest.mark.emulator, pytest.mark.usefixtures("workplace")]

Row = dict[str, Any]


def by_workspace(rows: list[Row], count: Callable[[Row], int]) -> int:
    """Return the fewest instructions of those within 64 bytes of the least memory."""
    least = min(row["ram"] for row in rows)
    return min(count(row) for row in rows if row["ram"] <= least + 64)


@pytest.mark.parametrize("budget", ["64k", "800"])
@pytest.mark.parametrize("goal", ["workspace", "speed", "flash"])
def test_the_best_by_the_goal_among_those_that_fit_is_chosen(goal: str, budget: str) -> None:
    report = generated(*FIRST, "--optimize", goal, "-b", budget, "--emulator", "none", "--compare")
    fitting = [row for row in applicable(report) if row["fits"] and "asks" not in row]
    chosen = next(row for row in fitting if row["algorithm"] == report["algorithm"])
    predicted = chosen["predicted_instructions"]
    fewest = min(row["predicted_instructions"] for row in fitting)
    assert {
        "workspace": predicted == by_workspace(fitting, lambda row: row["predicted_instructions"]),
        "speed": predicted == fewest,
        "flash": chosen["flash"] == min(row["flash"] for row in fitting),
    }[goal]
    assert report["optimize"] == goal


def check_choice(report: Row, compared: Row) -> None:
    """Both are of one layer: the same is chosen, by the rule on measured figures."""
    assert report["algorithm"] == compared["algorithm"]
    assert report["memory"] == compared["memory"]
    rows = [row for row in applicable(compared) if row["fits"] and "asks" not in row]
    fewest = by_workspace(rows, lambda row: int(row["measured"]["instructions"]))
    assert report["instructions"] == fewest


@pytest.mark.parametrize("overlap", [(), ("--overlap",)])
def test_the_default_is_the_least_scratch_memory_then_the_fastest(overlap: tuple[str, ...]) -> None:
    """Much of the stack of the one with the least workspace is spared by another's workspace."""
    image = {"shape": [6, 6, 6], "dtype": "int8"}
    write_spec(minimal.made_up(input=image, out_channels=12, groups=2, kernel_size=2))
    report = generated(*FIRST, *overlap)
    check_choice(report, generated(*FIRST, *overlap, "--compare", "-o", "compared"))


def shaped(g: Geometry) -> Row:
    """Return the spec of a shape."""
    return minimal.made_up(
        input={"shape": [g.in_h, g.in_w, g.in_c], "dtype": "int8"},
        out_channels=g.out_c,
        kernel_size=[g.k_h, g.k_w],
        stride=[g.stride_h, g.stride_w],
        dilation=[g.dilation_h, g.dilation_w],
        padding=[g.pad_top, g.pad_left, g.pad_bottom, g.pad_right],
        groups=g.groups,
    )


@seed(1)
@settings(max_examples=2, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(geometries(Kind("int8")), st.sampled_from(["cortex-m0", "cortex-m4", "rv32imc"]))
def test_the_rule_holds_on_what_is_measured(geometry: Geometry, board: str) -> None:
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        write_spec(shaped(geometry))
        apart, shared = (
            generated("-t", board, "layer.json", *options, "-o", "out")
            for options in ((), ("--overlap",))
        )
        check_choice(apart, generated("-t", board, "layer.json", "--compare"))
        assert shared["memory"]["total"] <= apart["memory"]["total"]
        fast = generated("-t", board, "layer.json", "--optimize", "speed", "-o", "fast")
        assert fast["instructions"] <= apart["instructions"]
        shared = generated("-t", board, "layer.json", "--optimize", "speed", "--overlap")
        assert shared["memory"]["total"] <= fast["memory"]["total"]


@pytest.mark.parametrize("name", ["dscnn_00_conv", "dscnn_01_dw", "dscnn_09_fc", "resnet8_04_conv"])
def test_speed_is_never_slower_than_the_default(name: str, shared_layers: Path) -> None:
    command = ("-t", "cortex-m0", "-b", "1M", "--flash", "4M", shared_layers / name / "layer.json")
    usual, fast = (
        generated(*command, "--optimize", goal, "-o", goal) for goal in ("workspace", "speed")
    )
    assert fast["instructions"] <= usual["instructions"]


@pytest.mark.parametrize("kernel", [5, 7])
def test_speed_is_never_slower_on_large_depthwise_kernels(kernel: int) -> None:
    """Where predictions of six algorithms lie close together, and once chose a slower one."""
    image = {"shape": [7, 7, 16], "dtype": "int8"}
    write_spec(minimal.made_up(input=image, out_channels=16, groups=16, kernel_size=kernel))
    usual, fast = (
        generated("-t", "cortex-m0", "layer.json", "--optimize", goal, "-o", goal)
        for goal in ("workspace", "speed")
    )
    assert fast["instructions"] <= usual["instructions"]
    assert fast["verified"]  # which is measured, not predicted


def test_a_family_stands_for_its_best_variant() -> None:
    report = generated(*FIRST, "--algorithm", "im2col", "--emulator", "none")
    assert report["algorithm"] == "im2col_p1_w16"  # within 64 bytes of the least, the fastest


@pytest.mark.parametrize(("name", "asks"), [
    ("indirect_init", "call first_init before, and keep the workspace"),
    ("kn2row_aa_holes", "the input must be writable: it is changed meanwhile, and restored"),
])  # fmt: skip
def test_what_asks_more_than_memory_must_be_named(name: str, asks: str) -> None:
    family = generated(*FIRST, "--algorithm", name.rsplit("_", 1)[0], "--optimize", "speed")
    assert "asks" not in family
    report = generated(*FIRST, "--algorithm", name)
    assert (report["algorithm"], report["asks"], report["verified"]) == (name, asks, True)
    init = report.get("init_instructions")
    assert (init is not None) == (name == "indirect_init")
    assert init is None or 1000 < init < report["instructions"]


def test_a_pool_may_be_written_to_without_asking() -> None:
    report = generated(*FIRST, "--algorithm", "kn2row_aa_holes", "--overlap")
    assert "asks" not in report
    assert "restored" not in Path("convgen-out/first/first.h").read_text()


def write_winograd_layer() -> None:
    """A layer for which Winograd is much faster than what needs the least workspace."""
    write_spec(minimal.made_up(input={"shape": [8, 8, 16], "dtype": "int8"}, out_channels=16))


def test_advice_tells_what_more_memory_buys() -> None:
    write_winograd_layer()
    report = generated(*FIRST)
    advice = report["advice"][0]
    found = re.fullmatch(
        r"(\w+): (\d+\.\d)x fewer instructions \(predicted\) for ([\d,]+) more bytes of workspace "
        r"and [\d,]+ (more|fewer) bytes of flash; fits your budget: `--optimize speed`",
        advice,
    )
    assert found
    faster = generated(*FIRST, "--optimize", "speed", "-o", "faster")
    assert faster["algorithm"] == found[1]
    assert faster["memory"]["workspace"] == int(found[3].replace(",", ""))
    assert faster["instructions"] < report["instructions"]
    assert not any("fewer instructions" in sentence for sentence in faster["advice"])


def test_advice_tells_how_far_the_budget_is_from_the_fastest() -> None:
    write_winograd_layer()
    need = generated(*FIRST)["memory"]["total"]
    sentences = generated(*FIRST, "-b", need, "-o", "tight")["advice"]
    assert re.search(r"; your budget is about [\d,]+ bytes of RAM short of it$", sentences[-2])


def test_a_variant_stands_for_itself() -> None:
    report = generated(*FIRST, "--algorithm", "im2col_p2", "--emulator", "none")
    assert report["algorithm"] == "im2col_p2"
    assert report["memory"]["workspace"] == 2 * 27


def test_the_seed_makes_up_weights_and_says_so() -> None:
    reports = [generated(*FIRST, "--seed", n, "-o", f"seed{n}") for n in (0, 7)]
    texts = [Path(f"seed{n}/first_weights.c").read_text() for n in (0, 7)]
    assert texts[0] != texts[1]
    assert all("SYNTHETIC" in text for text in texts)
    assert "SYNTHETIC" in Path("seed7/first.h").read_text()
    assert all(report["synthetic_weights"] for report in reports)


def test_the_seed_makes_up_inputs_alone_where_the_spec_has_weights() -> None:
    write_spec(minimal.inline())
    reports = [generated(*FIRST, "--seed", n, "-o", f"seed{n}") for n in (0, 7)]
    first, second = tree(Path("seed0")), tree(Path("seed7"))
    changed = {name for name in first if first[name] != second[name]}
    assert changed == {"verify/input.bin", "verify/output.bin", "verify/SHA256SUMS"}
    assert not any(report["synthetic_weights"] for report in reports)
    assert b"SYNTHETIC" not in (first["stem.h"] or b"")


def test_input_and_output_overlap_in_one_pool() -> None:
    report = generated(*FIRST, "--overlap")
    memory = report["memory"]
    assert memory.keys().isdisjoint({"input", "output"})
    assert max(126, 252) <= memory["pool"] < 126 + 252
    assert report["pool"]["instead_of"] == 126 + 252
    assert report["pool"]["bytes"] == memory["pool"]
    assert memory["total"] == memory["pool"] + memory["workspace"] + memory["stack"]
    assert (
        "void first(void *pool, void *workspace);" in Path("convgen-out/first/first.h").read_text()
    )


def test_advice_tells_what_one_pool_would_save() -> None:
    apart = generated(*FIRST)
    found = re.fullmatch(
        r"(\w+): (\d+) fewer bytes of RAM if its output may overwrite its input, in one pool of "
        r"(\d+): `--overlap`",
        apart["advice"][-1],
    )
    assert found
    pool = generated(*FIRST, "--overlap", "--algorithm", found[1], "-o", "pool")
    without_stack = [r["memory"]["total"] - r["memory"]["stack"] for r in (apart, pool)]
    assert pool["memory"]["pool"] == int(found[3])
    assert without_stack[0] - without_stack[1] == int(found[2])
    assert not any("--overlap" in sentence for sentence in pool["advice"])


def test_a_board_of_ones_own_is_a_target() -> None:
    board = (data_dir("targets") / "cortex-m4.toml").read_text()
    Path("boards").mkdir()
    Path("boards/my-board.toml").write_text(board.replace('ram = "256k"', 'ram = "20k"'))
    report = generated("-t", "boards/my-board.toml", "layer.json")
    assert report["verified"]
    assert (report["target"], report["budget"]["ram"]) == ("my-board", 20 * 1024)


# --- comparing ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """The text and the report of a comparison in which one algorithm is over the budget."""
    folder = tmp_path_factory.mktemp("compared")
    spec = write_spec(CASES["first"], folder / "layer.json")
    out = folder / "out"
    result = convgen("-t", "cortex-m4", spec, "-o", out, "--compare", "--all", "-b", "1000")
    assert (result.status, result.stderr) == (0, "")
    return result.stdout, json.loads((folder / "out" / "report.json").read_text())


def test_a_comparison_measures_all_that_can_do_the_layer(
    compared: tuple[str, dict[str, Any]],
) -> None:
    _, report = compared
    rows = applicable(report)
    assert {row["algorithm"] for row in rows} >= {"direct", "im2col_p1", "mec", "winograd_4x4_t1"}
    assert [problem for row in rows for problem in missing(row.get("measured"), MEASURED)] == []
    assert all(row["measured"]["verified"] for row in rows)


def test_a_comparison_marks_what_is_over_the_budget(compared: tuple[str, dict[str, Any]]) -> None:
    text, report = compared
    over = {row["algorithm"] for row in applicable(report) if not row["fits"]}
    assert "im2col_full" in over
    assert report["algorithm"] not in over
    lines = {line.split()[0]: line for line in text.splitlines() if line}
    assert {name for name, line in lines.items() if "over the budget" in line} == over
    assert {name for name, line in lines.items() if re.search(r"  chosen\b", line)} == {
        report["algorithm"]
    }


def test_a_comparison_leaves_out_what_the_machine_has_no_memory_for() -> None:
    machine = (data_dir("targets") / "machines" / "mps2-an386.toml").read_text()
    board = (data_dir("targets") / "cortex-m4.toml").read_text()
    Path("small.toml").write_text(machine.replace('"16M"', '"2k"'))
    Path("board.toml").write_text(board.replace('machine = "mps2-an386"', 'machine = "small.toml"'))
    report = generated("-t", "board.toml", "layer.json", "--compare", "-b", "1000")
    rows = {row["algorithm"]: row for row in report["candidates"]}
    assert "measured" in rows["direct"]
    assert "measured" not in rows["im2col_full"]
    assert not rows["im2col_full"]["fits"]


def test_what_the_machine_has_no_flash_for_is_left_out() -> None:
    machine = (data_dir("targets") / "machines" / "mps2-an386.toml").read_text()
    board = (data_dir("targets") / "cortex-m4.toml").read_text()
    Path("small.toml").write_text(machine.replace('bytes = "4M"', 'bytes = "68k"', 1))
    Path("board.toml").write_text(board.replace('machine = "mps2-an386"', 'machine = "small.toml"'))
    write_spec(minimal.made_up(input={"shape": [8, 8, 16], "dtype": "int8"}, out_channels=16))
    report = generated("-t", "board.toml", "layer.json", "--compare")
    rows = {row["algorithm"]: row for row in applicable(report)}
    assert rows["direct"]["measured"]["verified"]
    assert "measured" not in rows["winograd_4x4_t1"]
    assert (
        "bytes of flash, the emulated machine has 69,632" in rows["winograd_4x4_t1"]["not_measured"]
    )
    fastest = generated("-t", "board.toml", "layer.json", "--optimize", "speed", "-o", "fast")
    assert fastest["algorithm"] != "winograd_4x4_t1"


# --- budgets --------------------------------------------------------------------------------------


@pytest.mark.parametrize("board", ["cortex-m0", "cortex-m4", "rv32imc"])
def test_the_reported_ram_is_exactly_what_is_needed(board: str) -> None:
    command = ("-t", board, "layer.json", "--algorithm", "direct", "-o", "out")
    total = generated(*command)["memory"]["total"]
    assert generated(*command, "-b", total)["memory"]["total"] == total
    shutil.rmtree("out")
    memory = rf"input 126 \+ output 252 \+ workspace 0 \+ stack {total - 378}"
    assert re.fullmatch(
        "no algorithm fits the budget\n"
        rf"RAM: direct needs the least, {total} bytes: {memory}; "
        rf"the budget of {total - 1} is 1 short\n"
        r"with --overlap direct would need about \d+ bytes: pool \d+ \+ workspace 0 \+ stack \d+",
        unfitting(*command, "-b", total - 1, out=Path("out")),
    )


def test_the_reported_flash_is_exactly_what_is_needed() -> None:
    command = (*FIRST, "--algorithm", "im2col_p1", "-o", "out")
    flash = generated(*command)["flash"]
    assert generated(*command, "--flash", flash["total"])["flash"] == flash
    shutil.rmtree("out")
    assert unfitting(*command, "--flash", flash["total"] - 1, out=Path("out")) == (
        "no algorithm fits the budget\n"
        f"flash: im2col_p1 needs the least, {flash['total']:,} bytes: "
        f"constants {flash['constants']:,} + code {flash['code']:,}; "
        f"the budget of {flash['total'] - 1:,} is 1 short"
    )


def test_the_least_need_that_is_named_is_enough() -> None:
    found = unfitting(*FIRST, "-b", "400", out=Path("convgen-out/first"))
    need = re.search(r"RAM: \w+ needs the least, (\d+) bytes", found)
    assert need
    assert generated(*FIRST, "-b", need[1])["memory"]["total"] == int(need[1])


def test_a_hopeless_budget_is_refused_without_tools() -> None:
    result = convgen_process(*FIRST, "-b", "100", environment={"PATH": "nowhere"})
    assert result.status == 3
    assert "0 of 30 candidates fit" in result.stdout
    assert re.fullmatch(
        "no algorithm fits the budget\n"
        r"RAM: \w+ needs the least, about [\d,]+ bytes: .*; the budget of 100 is [\d,]+ short\n"
        r"with --overlap \w+ would need about [\d,]+ bytes: pool .*",
        message(result),
    )


def test_a_budget_over_the_targets_ram_is_a_fair_question() -> None:
    assert generated(*FIRST, "-b", "1M", "--emulator", "none")["budget"]["ram"] == 1024 * 1024
