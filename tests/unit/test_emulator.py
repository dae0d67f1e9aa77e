"""Toy layers through the compiler and the emulators: what is counted, what is caught."""

from __future__ import annotations

import re
import struct
import sys
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from convgen.bench.build.layout import Call
from convgen.bench.run import emulator
from convgen.errors import ToolError, UsageError, VerificationError
from convgen.schedule.overlap import Pool
from convgen.targets import target
from toy.bench import INPUT, TOY, build, build_renamed

pytestmark = pytest.mark.emulator

BOARDS = [name for name in target.names() if "qemu-system" in target.load(name).emulator]
EVERYWHERE = [(name, kind) for name in target.names() for kind in target.load(name).emulator]
# One of each way to start, to fault and to leave the harness's stack.
KINDS = [
    ("cortex-m0", "qemu-system"),
    ("cortex-m55", "qemu-system"),
    ("rv32imc", "qemu-system"),
    ("cortex-m4", "qemu-user"),
    ("rv64imac", "qemu-user"),
    ("host", "native"),
    ("cortex-m0", "unicorn"),
    ("cortex-m33", "unicorn"),
    ("rv32imc", "unicorn"),
]
MODELS = [name for name in target.names() if "unicorn" in target.load(name).emulator]
COUNTING = [
    *((name, "qemu-system") for name in BOARDS), *((name, "unicorn") for name in MODELS)
]  # fmt: skip
M4 = ("cortex-m4", "unicorn")
TAKEN = (KINDS[2], KINDS[5], ("cortex-m4", "qemu-system"))  # where names may be taken
COUNT = Call(name="toy", sources=("count.S",), inputs=(2,), outputs=(1,), tensor_align=2)
# Legal names that the firmware, its linker script or a system header has too.
NAMES = [
    "call_on_stack", "convgen", "count", "data", "empty", "features", "firmware", "guards",
    "harness", "layer", "layer_arena", "layer_call", "layer_start", "measure", "memory",
    "port_write", "print", "string", "vector", "verify", "word",
]  # fmt: skip


def failure(folder: Path, source: str, where: tuple[str, str], inputs: bytes = INPUT) -> str:
    built = build(folder, source, *where, budget=1024)
    with pytest.raises(VerificationError) as caught:
        built.run(inputs)
    return str(caught.value)


@pytest.mark.parametrize(("name", "kind"), EVERYWHERE)
def test_a_layer_runs_wherever_its_target_says(tmp_path: Path, name: str, kind: str) -> None:
    built = build(tmp_path, "scale.c", name, kind)
    other = bytes(reversed(INPUT))
    run = built.run(INPUT + other)
    assert run.outputs == bytes(3 * value % 256 for value in INPUT + other)
    assert (run.instructions is not None) == (kind in ("qemu-system", "unicorn"))
    assert (run.blocks is not None) == (kind == "unicorn")
    assert run.heap_bytes == 0
    assert run == built.run(INPUT + other)


@pytest.mark.parametrize("where", COUNTING)
def test_instructions_are_counted_exactly(tmp_path: Path, where: tuple[str, str]) -> None:
    built = build(tmp_path, "count.S", *where, call=COUNT)
    counts = [*range(100), 1000, 65535]
    run = built.run(b"".join(struct.pack("<H", count) for count in counts))
    assert run.instructions == tuple(2 * count + 7 for count in counts)
    assert run.stack_bytes == 0


@pytest.mark.parametrize(("name", "where"), list(zip(NAMES, cycle(TAKEN), strict=False)))
def test_a_layer_may_be_called_as_a_part_of_the_run(
    tmp_path: Path, name: str, where: tuple[str, str]
) -> None:
    built = build_renamed(tmp_path, name, *where)
    run = built.run()
    assert run.outputs == bytes(3 * value % 256 for value in INPUT)
    if where[0] != "host":
        assert run.stack_bytes <= (built.sizes.stack_bound_bytes or 0) <= run.stack_bytes + 16


def test_a_count_beyond_the_counter_is_not_told(tmp_path: Path) -> None:
    built = build(tmp_path, "scale.c", "cortex-m4")
    counter = built.emulator.machine.counter
    assert counter is not None
    short = built.emulator.machine.model_copy(
        update={"counter": counter.model_copy(update={"limit_ticks": 20000})}
    )
    board = replace(built.emulator, machine=short)
    # 8/5 ticks each: twice 6250 reach the limit.
    within = emulator.run(board, built.image, 2 * INPUT, expected_instructions=2 * 6249)
    beyond = emulator.run(board, built.image, 2 * INPUT, expected_instructions=2 * 6250)
    assert (within.instructions, within.notes) == (built.run(2 * INPUT).instructions, ())
    assert beyond.instructions is None
    assert beyond.notes == (
        "instructions not counted: about 6e+03 in each call, "
        "and the counter of mps2-an386 is too short for them",
    )


@pytest.mark.parametrize("source", ["arithmetic.c", "scale.c", "heap.c", "statics.c"])
@pytest.mark.parametrize("name", ["cortex-m0", "cortex-m4", "cortex-m55", "rv32imc", "rv64imac"])
def test_the_stack_measured_is_within_its_bound(tmp_path: Path, name: str, source: str) -> None:
    built = build(tmp_path, source, name)
    run = built.run(INPUT + bytes(reversed(INPUT)))
    assert built.sizes.stack_bound_bytes is not None
    assert run.stack_bytes <= built.sizes.stack_bound_bytes <= run.stack_bytes + 16


def test_the_stack_of_nested_calls_is_within_its_bound(tmp_path: Path) -> None:
    built = build(tmp_path, "nested.c", "cortex-m0")
    assert 64 < built.run().stack_bytes <= (built.sizes.stack_bound_bytes or 0)


@pytest.mark.parametrize("where", KINDS)
def test_what_is_asked_of_an_allocator_is_counted(tmp_path: Path, where: tuple[str, str]) -> None:
    run = build(tmp_path, "heap.c", *where).run(INPUT + INPUT)
    assert run.heap_bytes == 24 + 60 + 8


@pytest.mark.parametrize("where", KINDS)
def test_a_byte_past_the_workspace_is_caught(tmp_path: Path, where: tuple[str, str]) -> None:
    said = failure(tmp_path, "past_workspace.c", where, bytes([1]) * 100)
    what, _, place = said.partition(", at ")
    assert what == "toy wrote past the end of workspace: first byte at +100"
    assert place.endswith(" in toy") == (where[1] == "unicorn")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("past_output.c", "toy wrote past the end of output: first byte at +101"),
        ("before_output.c", "toy wrote before the start of output: byte at -1"),
        ("writes_input.c", "toy modified its input: first byte at +42"),
        ("recursion.c", "toy stack overflow: the stack is 724 bytes"),
    ],
)
@pytest.mark.parametrize("where", [("cortex-m4", "qemu-system"), M4])
def test_other_stray_writes_are_caught(
    tmp_path: Path, source: str, message: str, where: tuple[str, str]
) -> None:
    assert failure(tmp_path, source, where, bytes([9]) * 100).partition(", at ")[0] == message


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "reads_past_input.c",
            r"toy read past the end of input: first byte at \+100, at \w+ in toy",
        ),
        (
            "straddles_input.c",
            r"toy read past the end of input: first byte at \+100, at \w+ in toy",
        ),
        (
            "past_statics.c",
            r"toy wrote what is not its own, the byte at 0x\w+, at \w+ in toy",
        ),
        (
            "jumps_to_harness.c",
            r"toy wrote what is not its own, the byte at 0x\w+, at \w+ in toy",
        ),
        ("jumps_to_input.c", r"toy modified its input: first byte at \+5, at \w+ in toy"),
    ],
)
@pytest.mark.parametrize("where", [M4, KINDS[8]])
def test_what_no_board_sees_is_caught_in_process(
    tmp_path: Path, source: str, message: str, where: tuple[str, str]
) -> None:
    (tmp_path / "board").mkdir()
    build(tmp_path / "board", source, where[0], "qemu-system").run(bytes([1]) * 100)
    assert re.fullmatch(message, failure(tmp_path, source, where, bytes([1]) * 100))


@pytest.mark.parametrize("source", ["writes_code.c", "writes_constants.c"])
@pytest.mark.parametrize("where", KINDS)
def test_code_and_constants_cannot_be_written(
    tmp_path: Path, source: str, where: tuple[str, str]
) -> None:
    assert re.fullmatch(r"toy fault at 0x\w+ in toy", failure(tmp_path, source, where))


@pytest.mark.parametrize(
    ("source", "zone", "offset"),
    [("reads_output.c", "output", 7), ("reads_workspace.c", "workspace", 12)],
)
@pytest.mark.parametrize("where", KINDS)
def test_what_is_read_before_it_is_written_is_told(
    tmp_path: Path, source: str, zone: str, offset: int, where: tuple[str, str]
) -> None:
    said = failure(tmp_path, source, where)
    if where[1] == "unicorn":
        read = rf"toy read {zone} before it wrote there: first byte at \+{offset}, at 0x\w+ in toy"
        assert re.fullmatch(read, said)
    else:
        assert said == (
            "toy gives another output where output, workspace and stack held other bytes before "
            f"the call: first byte at +{7 if zone == 'output' else 3} of the first output"
        )


@pytest.mark.parametrize("where", KINDS)
def test_a_variable_that_is_read_before_it_is_written_is_told(
    tmp_path: Path, where: tuple[str, str]
) -> None:
    said = failure(tmp_path, "reads_stack.c", where)
    assert said.startswith("toy gives another output where output, workspace and stack held other")


@pytest.mark.parametrize("where", [KINDS[0], M4])
def test_a_write_to_the_free_end_of_the_stack_is_seen_in_its_depth(
    tmp_path: Path, where: tuple[str, str]
) -> None:
    built = build(tmp_path, "jumps_to_stack.c", *where)
    assert built.run().stack_bytes > 300 > (built.sizes.stack_bound_bytes or 0)


def test_reads_are_not_looked_at_in_long_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = build(tmp_path, "scale.c", *M4)
    monkeypatch.setattr(emulator, "MOST_LOOKED_AT", 5)
    run = emulator.run(built.emulator, built.image, INPUT, expected_instructions=5000)
    assert run.notes == (
        "reads of output and workspace before they are written: not looked for in calls of "
        "about 5e+03 instructions, only whether they change the output",
    )


@pytest.mark.parametrize("where", KINDS)
def test_a_fault_is_told_with_its_function(tmp_path: Path, where: tuple[str, str]) -> None:
    said = failure(tmp_path, "bad_address.c", where)
    assert said.startswith("toy fault at 0x")
    assert said.endswith(" in write_nowhere")


@pytest.mark.parametrize("where", [*COUNTING, KINDS[3], KINDS[4]])
def test_a_stack_that_is_left_in_one_leap_faults(tmp_path: Path, where: tuple[str, str]) -> None:
    said = failure(tmp_path, "leap.c", where)
    assert said == "toy stack overflow: fault below the stack of 724 bytes"


@pytest.mark.parametrize("kind", ["qemu-system", "unicorn"])
def test_a_core_without_unaligned_access_faults(tmp_path: Path, kind: str) -> None:
    assert failure(tmp_path, "unaligned.c", ("cortex-m0", kind)).endswith(" in toy")
    (tmp_path / "m3").mkdir()
    build(tmp_path / "m3", "unaligned.c", "cortex-m3", kind).run()


@pytest.mark.parametrize("where", [KINDS[0], KINDS[4], KINDS[5]])
def test_a_layer_that_does_not_return_is_ended(
    tmp_path: Path, where: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emulator, "SHORTEST_TIMEOUT_S", 1.0)
    assert "toy did not return within 1 s on " in failure(tmp_path, "endless.c", where)


@pytest.mark.parametrize("where", KINDS[6:])
def test_a_layer_that_does_not_return_is_ended_by_its_instructions(
    tmp_path: Path, where: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emulator, "FEWEST_INSTRUCTIONS", 12345)
    said = failure(tmp_path, "endless.c", where)
    model = target.load(where[0]).emulator["unicorn"].model
    assert said == f"toy did not return within 12,345 instructions on {model}"


def test_outputs_that_were_not_written_are_not_blamed_on_the_layer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = build(tmp_path, "scale.c", *M4)
    really = emulator._run_in_process

    def on_a_full_disk(*arguments: Any) -> Any:
        ended = really(*arguments)
        (built.image.elf.parent / "output.bin").write_bytes(b"x")
        return ended

    monkeypatch.setattr(emulator, "_run_in_process", on_a_full_disk)
    with pytest.raises(ToolError, match="did not write all outputs, though toy returned"):
        built.run(INPUT)


@pytest.mark.parametrize("where", KINDS[2:4])
def test_a_pool_holds_input_and_output(tmp_path: Path, where: tuple[str, str]) -> None:
    pool = Pool(bytes=120, input_offset=20, output_offset=0)
    call = replace(TOY, name="pool", workspace_bytes=0, pool=pool)
    run = build(tmp_path, "pool.c", *where, call=call).run()
    assert run.outputs == bytes(value + 1 for value in INPUT)


def test_a_layer_fills_the_largest_budget_of_its_board(tmp_path: Path) -> None:
    assert build(tmp_path, "scale.c", "cortex-m7", budget=2**24 - 1024).run().outputs


def test_another_core_is_played_where_qemu_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulator, "_starts", lambda *_: False)
    chosen = emulator.choose("qemu-user", target.load("cortex-m55"))
    assert chosen.machine_name == "qemu-arm -cpu max"
    assert not chosen.target.has("mve")
    note = chosen.notes[0]
    assert note.startswith("qemu-arm ")
    assert note.endswith("aborts with -cpu cortex-m55: ran with -cpu max, built without mve")


def test_an_emulator_that_a_target_lacks_is_refused() -> None:
    with pytest.raises(UsageError, match="host does not run under 'qemu-system'; it does under"):
        emulator.choose("qemu-system", target.load("host"))


def test_a_missing_emulator_is_told_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "unicorn", None)
    with pytest.raises(ToolError) as caught:
        emulator.choose("auto", target.load("rv32imc"))
    assert [
        line.split(": ")[1] for line in str(caught.value).splitlines() if "install" in line
    ] == [
        "apt-get install qemu-system-misc",
        'pip install "convgen[portable]"',
        "apt-get install qemu-user",
    ]


def test_without_its_package_no_model_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "unicorn", None)
    with pytest.raises(ToolError, match=r"cannot load the Python package unicorn, .*\n.*portable"):
        emulator.choose("unicorn", target.load("cortex-m4"))


def test_without_a_board_a_model_is_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert emulator.choose("auto", target.load("cortex-m4")).machine_name == "CORTEX_M4"


def test_a_core_without_a_model_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        emulator.choose("unicorn", target.load("cortex-m55"))
    assert str(caught.value) == (
        "cortex-m55 does not run under 'unicorn', which models neither Helium nor this computer;"
        " it does under: auto, qemu-system, qemu-user, none"
    )
