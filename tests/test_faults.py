"""Generated code that is wrong must be caught: each fault is put into the text on purpose."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cases import CASES
from convgen import cli
from convgen.bench import program
from convgen.sources import generate

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
