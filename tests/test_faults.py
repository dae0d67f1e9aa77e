"""Generated code that is wrong must be caught: each fault is put into the text on purpose."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import emulated
from cases import CASES
from convgen import cli
from convgen.bench import program, trial
from convgen.bench.proof.vectors import made_up
from convgen.bench.run import emulator
from convgen.bench.trial import Bench
from convgen.choices import Feed
from convgen.model.whole import Whole
from convgen.sources import generate, network
from convgen.sources.network import network_files
from convgen.targets import target
from golden_texts import fused

pytestmark = pytest.mark.emulator

Edit = Callable[[str], str]
ENTRY = re.compile(r"(void first\([^)]*\)\n\{\n)")


def at_entry(statement: str) -> Edit:
    """Return an edit that puts *statement* first in the layer's function."""

    def edit(text: str) -> str:
        changed, count = ENTRY.subn(rf"\1    {statement}\n", text)
        assert count == 1
        return changed

    return edit


def corrupt_a_weight(behind: int, bit: int) -> Edit:
    """Return an edit that flips one bit of the constant behind so many others."""
    number = r"-?(?:0x)?[\da-f]+"
    constant = re.compile(rf"(_weights\[\d+\] = \{{\s+(?:{number},\s+){{{behind}}})({number})")
    return lambda text: constant.sub(lambda m: f"{m[1]}{int(m[2], 0) ^ bit}", text)


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Return a function that runs the command on generated code after an edit of one file."""

    def run_edited(suffix: str, edit: Edit, *options: str) -> tuple[int, str]:
        def edited(*arguments: Any) -> dict[str, str]:
            files = generate.layer_files(*arguments)
            return {n: edit(t) if n.endswith(suffix) else t for n, t in files.items()}

        monkeypatch.setattr(program, "layer_files", edited)
        spec = tmp_path / "layer.json"
        spec.write_text(json.dumps(CASES["first"]))
        out = str(tmp_path / "out")
        status = cli.main(["-t", "cortex-m4", *options, "-o", out, str(spec)])
        return status, capsys.readouterr().err

    return run_edited


@pytest.mark.parametrize(
    ("algorithm", "behind", "bit"),
    [
        pytest.param("indirect_row", 0, 1, id="a weight"),
        pytest.param("direct_w16", 4, 256, id="behind four starts, a weight 256 times"),
    ],
)
def test_a_corrupt_weight_is_found_and_placed(
    run: Callable[..., tuple[int, str]], algorithm: str, behind: int, bit: int
) -> None:
    edit = corrupt_a_weight(behind, bit)
    status, message = run("first_weights.c", edit, "--algorithm", algorithm)
    assert status == 1
    assert re.search(
        r"vector \d+, row \d+, column \d+, channel \d+: got -?\d+, expected -?\d+; "
        r"[\d,]+ outputs are wrong",
        message,
    )


@pytest.mark.parametrize("emulator", ["qemu-system", "unicorn", "qemu-user"])
def test_a_byte_past_the_workspace_is_caught(
    run: Callable[..., tuple[int, str]], emulator: str
) -> None:
    write = at_entry("((volatile char *)workspace)[FIRST_WORKSPACE_BYTES] = 1;")
    status, message = run("first.c", write, "--algorithm", "im2col_p2", "--emulator", emulator)
    assert status == 1
    assert "wrote past the end of workspace: first byte at +54" in message


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("((volatile char *)output)[FIRST_OUTPUT_BYTES] = 1;", "past the end of output"),
        ("((volatile char *)output)[-1] = 1;", "before the start of output"),
        ("((volatile char *)(uintptr_t)input)[FIRST_INPUT_BYTES] = 1;", "past the end of input"),
        ("((volatile char *)(uintptr_t)input)[5] ^= 1;", "modified its input: first byte at +5"),
        ("*(volatile char *)0xE0000000u = 1; *(volatile int *)0xDEADBEE0u = 1;", "fault"),
        ("for (;;) { __asm__ volatile(\"udf #0\"); }", "fault"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("emulator", ["qemu-system", "unicorn"])
def test_a_stray_access_is_caught(
    run: Callable[..., tuple[int, str]], statement: str, message: str, emulator: str
) -> None:
    status, said = run("first.c", at_entry(statement), "--emulator", emulator)
    assert status == 1
    assert message in said


@pytest.mark.parametrize("emulator", ["qemu-system", "unicorn"])
def test_a_write_to_the_free_end_of_the_stack_is_caught(
    run: Callable[..., tuple[int, str]], emulator: str
) -> None:
    low = at_entry("volatile char here = 0; *(volatile char *)((uintptr_t)&here - 600u) = here;")
    status, said = run("first.c", low, "--emulator", emulator)
    assert status == 1
    assert re.search(
        r"\d+ bytes of stack were written to, and no path through the call graph", said
    )


@pytest.mark.parametrize("emulator", ["qemu-system", "unicorn"])
def test_an_output_that_is_never_written_is_caught(
    run: Callable[..., tuple[int, str]], emulator: str
) -> None:
    status, said = run("first.c", at_entry("if (input) { return; }"), "--emulator", emulator)
    assert status == 1
    assert "first gives another output where output, workspace and stack held other bytes" in said


def test_a_stack_overflow_is_caught(run: Callable[..., tuple[int, str]]) -> None:
    deep = at_entry("volatile char deep[4096]; deep[0] = 1; deep[4095] = deep[0];")
    status, said = run("first.c", deep, "-b", "2k")
    assert status == 3
    assert "stack" in said


def test_heap_use_is_counted(run: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    take = at_entry(
        "extern void *malloc(__SIZE_TYPE__); void *volatile got = malloc(100); (void)got;"
    )
    status, said = run("first.c", take)
    assert status == 0, said
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["memory"]["heap"] == 100


def test_static_memory_counts_against_the_budget(
    run: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    keep = at_entry("static volatile char kept[1000]; kept[0] = kept[1];")
    status, said = run("first.c", keep)
    assert status == 0, said
    memory = json.loads((tmp_path / "out" / "report.json").read_text())["memory"]
    assert memory["static"] == 1000
    parts = ("input", "output", "workspace", "stack", "static")
    assert memory["total"] == sum(memory[part] for part in parts)


PORT_EXIT = "extern void convgen_port_exit(int); convgen_port_exit(0);"


@pytest.mark.parametrize(
    ("options", "statement"),
    [
        (
            ("--emulator", "qemu-system"),
            "extern void convgen_port_exit(int); convgen_port_exit(0);",
        ),
        (("--emulator", "unicorn"), "extern void convgen_port_exit(int); convgen_port_exit(0);"),
        (("-t", "host"), "extern void _exit(int); _exit(0);"),
    ],
    ids=["qemu-system", "unicorn", "host"],
)
def test_a_layer_that_ends_the_program_with_success_is_wrong(
    run: Callable[..., tuple[int, str]], options: tuple[str, ...], statement: str
) -> None:
    status, said = run("first.c", at_entry(statement), *options)
    assert status == 1
    assert "first ended the program, with status 0, in call 1 of " in said


# --- models -------------------------------------------------------------------------------------


def instead(of: str, text: str) -> Edit:
    """Return an edit that puts *text* in the place of *of*, which is there once."""

    def edit(source: str) -> str:
        assert source.count(of) == 1
        return source.replace(of, text)

    return edit


def spoiling(function: str) -> Edit:
    """Return an edit that lets *function* return with registers and a mask that are not its own."""
    wrapper = f"""
    .thumb_func
    .type {function}, %function
    .global {function}
{function}:
    push {{r4, lr}}
    bl really_{function}
    mov r9, sp
    vmov s20, r9
    cpsid f
    pop {{r4, pc}}
    .size {function}, . - {function}
"""
    lines = "\n".join(f'    "{line}\\n"' for line in wrapper.splitlines())

    def edit(source: str) -> str:
        kept = f'\n__asm__(".text\\n"\n{lines});\n'
        return re.sub(rf"\b{function}\(void", f"really_{function}(void", source) + kept

    return edit


COPIED = "(void)memcpy(fed + (end - at->input_top) * 8, row, 8);"
ONCE_MORE = "if (end) { memcpy(fed + (end - 1 - at->input_top) * 8, row - 8, 8); }"
BEGUN = "*at = (struct digits__rows_0){0};"
DONE = "return digits__go_on(memory);"
MODEL_FAULTS: dict[str, tuple[Feed, Edit, str, str]] = {
    "never says that the output is there": (
        "rows", instead(DONE, "(void)digits__go_on(memory); return 0;"),
        "digits is wrong: digits_push_row returned 0, expected 1, for row 7 of 8", "",
    ),
    "says too early that the output is there": (
        "rows", instead(DONE, "return digits__go_on(memory) | (end == 6);"),
        "digits is wrong: digits_push_row returned 1, expected 0, for row 6 of 8", "",
    ),
    "reads the row before where the caller had it": (
        "rows", instead(COPIED, f"{COPIED} {ONCE_MORE}"),
        "outputs are wrong", "read before the start of input: byte at -",
    ),
    "reads behind a row": (
        "rows", instead(COPIED, f"{COPIED} (void)((const volatile int8_t *)row)[8];"),
        "", "read past the end of input: first byte at +8",
    ),
    "changes a row": (
        "rows", instead(COPIED, f"{COPIED} ((volatile int8_t *)(uintptr_t)row)[3] ^= 1;"),
        "modified its input: first byte at +3", "",
    ),
    "writes behind the arena": (
        "rows", instead(DONE, f"((volatile char *)arena)[592] = 1; {DONE}"),
        "wrote past the end of pool: first byte at +592", "",
    ),
    "does not begin": (
        "rows", instead(BEGUN, "(void)at;"),
        "digits", "read pool before it wrote there",
    ),
    "begins with other registers": (
        "rows", spoiling("digits_begin"),
        "digits did not restore r9, FAULTMASK and s20", "",
    ),
    "takes a row with other registers": (
        "rows", spoiling("digits_push_row"),
        "digits did not restore r9, FAULTMASK and s20", "",
    ),
}  # fmt: skip
"""How it is fed, what is edited, what is said on a board, and in this process if that is not so."""


@cache
def model_bench(kind: str) -> Bench:
    schedule = fused("rows", target.load("cortex-m4"))
    made = made_up(Whole(schedule.graph), seed=0)
    bench = emulated.bench("cortex-m4", *made.inputs)
    return replace(bench, vectors=made, emulator=emulator.choose(kind, bench.target))


@pytest.mark.parametrize("fault", MODEL_FAULTS)
def test_a_fault_of_a_model_is_caught(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed, edit, on_board, in_process = MODEL_FAULTS[fault]

    def edited(*arguments: Any) -> dict[str, str]:
        files = network_files(*arguments)
        return {n: edit(t) if n == "digits.c" else t for n, t in files.items()}

    monkeypatch.setattr(network, "network_files", edited)
    board, here = model_bench("qemu-system"), model_bench("unicorn")
    built = trial.build(fused(feed, board.target), board, tmp_path / "trial", 2**16)
    for bench, said in ((board, on_board), (here, in_process or on_board)):
        found = trial.put_to_test(built, bench, 2**16, roomy=False)
        assert (found.failure is None) == (not said)
        assert said in (found.failure or ""), found.failure
