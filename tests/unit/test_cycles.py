"""How often branches were taken, told by how often blocks were executed; the cycles of that."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from cases import CASES
from command import convgen, generated, refused, write_spec
from convgen.bench.code import cycles, timing
from convgen.bench.code.blocks import BasicBlock
from convgen.bench.code.cycles import Calls, fallen_into
from convgen.bench.code.machine_code import Instruction, instruction
from convgen.targets import target

pytestmark = pytest.mark.emulator

M4 = target.load("cortex-m4").cpu


def ways(blocks: Mapping[tuple[int, int], tuple[str, int]], entry: int = 0x100) -> dict[int, int]:
    """Blocks from an address up to another, their last instruction, how often: what fell where."""
    counts, endings = {}, dict[BasicBlock, Instruction]()
    for (start, end), (text, times) in blocks.items():
        block = BasicBlock(start, end - start)
        counts[block] = times
        endings[block] = instruction(end - 2, 2, text, is_thumb=True)
    found = fallen_into(endings, counts, Calls(entries={entry: 1}, count=1))
    return {address: times for address, times in found.items() if times}


def test_a_loop_falls_out_once() -> None:
    found = ways({
        (0x100, 0x104): ("movs r0, #9", 1),
        (0x104, 0x110): ("bne #0x104", 9),
        (0x110, 0x112): ("bx lr", 1),
    })  # fmt: skip
    assert found == {0x104: 1, 0x110: 1}


def test_blocks_that_overlap_share_their_branch() -> None:
    found = ways({
        (0x100, 0x110): ("bne #0x104", 1),
        (0x104, 0x110): ("bne #0x104", 8),
        (0x110, 0x112): ("bx lr", 1),
    })  # fmt: skip
    assert found == {0x110: 1}


def test_of_two_ways_both_are_counted() -> None:
    found = ways({
        (0x100, 0x104): ("movs r0, #9", 1),
        (0x104, 0x108): ("beq #0x10c", 10),
        (0x108, 0x10C): ("b #0x10e", 7),
        (0x10C, 0x10E): ("nop", 3),
        (0x10E, 0x110): ("bne #0x104", 10),
        (0x110, 0x112): ("bx lr", 1),
    })  # fmt: skip
    assert found == {0x104: 1, 0x108: 7, 0x10E: 3, 0x110: 1}


def test_a_call_returns_by_a_branch() -> None:
    found = ways({
        (0x100, 0x104): ("bl #0x200", 1),
        (0x104, 0x108): ("beq #0x100", 1),
        (0x108, 0x10A): ("bx lr", 1),
        (0x200, 0x204): ("bx lr", 1),
    })  # fmt: skip
    assert found == {0x108: 1}


def test_a_loop_that_may_be_skipped_is_taken_to_be_entered() -> None:
    found = ways({
        (0x100, 0x102): ("nop", 1),
        (0x102, 0x104): ("beq #0x10c", 10),
        (0x104, 0x10C): ("bne #0x104", 50),
        (0x10C, 0x110): ("bne #0x102", 10),
        (0x110, 0x112): ("bx lr", 1),
    })  # fmt: skip
    assert found == {0x102: 1, 0x104: 10, 0x10C: 10, 0x110: 1}


def test_counts_that_contradict_each_other_end_all_the_same() -> None:
    found = ways({(0x100, 0x104): ("bne #0x100", 3), (0x104, 0x108): ("bne #0x100", 9)})
    assert 0 <= found.get(0x104, 0) <= 3


def test_another_word_of_code_is_another_fetch() -> None:
    counts = {BasicBlock(0x102, 8): 10, BasicBlock(0x10A, 2): 1}
    assert cycles.fetches(counts, {}, 4) == 10 * 3 + 1
    assert cycles.fetches(counts, {0x10A: 1}, 4) == 10 * 3


@pytest.mark.parametrize(("calls", "waits", "said"), [
    (1, 0, "everything else 1; no wait states; one call (Arm DDI 0439B"),
    (3, 2, "each fetch of another 32 bits of code waits 2, data does not; no cache, no prefetch; "
           "the mean of 3 calls (Arm"),
])  # fmt: skip
def test_the_model_says_what_it_assumes(calls: int, waits: int, said: str) -> None:
    assert said in cycles.model(timing.named("cortex-m4"), waits, calls)


# The command


@pytest.mark.usefixtures("workplace")
@pytest.mark.parametrize(
    "board", ["cortex-m0", "cortex-m0plus", "cortex-m3", "cortex-m4", "rv32imc"]
)
def test_the_report_has_the_estimated_cycles(board: str) -> None:
    report = generated("-t", board, "layer.json", "--cycles")
    assert 1 < report["cycles_estimated"] / report["instructions"] < 2.5
    assert f"the mean of {report['vectors']} calls" in report["cycles_model"]
    slow = generated("-t", board, "layer.json", "--cycles", "--flash-wait-states", "1")
    fetched = slow["cycles_estimated"] - report["cycles_estimated"]
    assert report["instructions"] / 2 < fetched < 1.2 * report["instructions"]


@pytest.mark.usefixtures("workplace")
def test_a_function_with_a_pool_and_one_with_an_init_are_called() -> None:
    plain = generated("-t", "cortex-m4", "layer.json", "--cycles", "--algorithm", "direct")
    pool = generated(
        "-t", "cortex-m4", "layer.json", "--cycles", "--algorithm", "direct", "--overlap"
    )
    assert pool["cycles_estimated"] == pytest.approx(plain["cycles_estimated"], rel=0.05)
    init = generated("-t", "rv32imc", "layer.json", "--cycles", "--algorithm", "indirect_init")
    assert init["instructions"] < init["cycles_estimated"] < 1.5 * init["instructions"]


@pytest.mark.usefixtures("workplace")
def test_each_candidate_that_is_compared_has_its_cycles() -> None:
    write_spec(CASES["small"])
    result = convgen("-t", "cortex-m4", "layer.json", "--compare", "--cycles")
    assert result.status == 0
    heading = next(line for line in result.stdout.splitlines() if line.startswith("algorithm"))
    assert heading.split()[-2:] == ["instructions", "cycles"]
    assert "estimated cycles" in result.stdout
    report = json.loads(Path("convgen-out/small/report.json").read_text())
    measured = [row["measured"] for row in report["candidates"] if "measured" in row]
    assert len(measured) > 5
    assert all(row["cycles_estimated"] > row["instructions"] for row in measured)


@pytest.mark.usefixtures("workplace")
def test_nothing_is_estimated_unless_it_is_asked_for() -> None:
    report = generated("-t", "cortex-m4", "layer.json")
    assert not {"cycles_estimated", "cycles_model", "profile"} & report.keys()


@pytest.mark.usefixtures("workplace")
@pytest.mark.parametrize(("options", "said"), [
    (("-t", "cortex-m7", "--cycles"), "--cycles: cortex-m7 has no timing model; these targets"),
    (("-t", "host", "--profile"), "--profile: no emulator counts what host executes"),
    (("-t", "cortex-m4", "--cycles", "--emulator", "none"), "--cycles: the layer must run"),
    (("-t", "cortex-m4", "--flash-wait-states", "1"), "--flash-wait-states: expected with --cyc"),
    (("-t", "cortex-m4", "--cycles", "--flash-wait-states", "-1"), "--flash-wait-states: expected"),
])  # fmt: skip
def test_what_cannot_be_estimated_is_refused(options: tuple[str, ...], said: str) -> None:
    assert refused(2, *options, "layer.json").startswith(said)
