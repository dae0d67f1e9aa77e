"""Every algorithm in one image, built and linked as other people's firmware is."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

import together
from convgen import emulator, target, toolchain
from convgen.resources import data_dir
from convgen.target import Target
from together import Build

BOARDS = ("cortex-m0", "cortex-m4", "rv32imc")
COMPILERS = ("gcc", "zig")
CODE, CONSTANTS = ".itcm", ".ext_flash"
STRICT = "-mno-unaligned-access"


def check(folder: Path, build: Build) -> Path:
    """Build all layers, run them and hold their outputs against the reference."""
    chosen = together.plans(build.board)
    image = together.link(folder, chosen, build)
    assert together.wrong(image, chosen, build.board) == []
    return image.elf


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("name", [*BOARDS, "cortex-m33"])
def test_optimised_at_link_time(name: str, compiler: str, tmp_path: Path) -> None:
    build = Build(board=target.load(name), compiler=compiler, flags=("-Os",))
    check(tmp_path, replace(build, layer_flags=("-flto",)))


@pytest.mark.parametrize(
    ("compiler", "how"), [("gcc", "-flto-partition=1to1"), ("zig", "-flto=thin")]
)
def test_optimised_at_link_time_in_parts(compiler: str, how: str, tmp_path: Path) -> None:
    build = Build(board=target.load("cortex-m4"), compiler=compiler, flags=("-Os",))
    check(tmp_path, replace(build, layer_flags=("-flto", how)))


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("name", BOARDS)
def test_three_layers_in_each_unit_anywhere_in_memory_without_builtins(
    name: str, compiler: str, tmp_path: Path
) -> None:
    flags = ("-O1", "-fPIC", "-fno-builtin")
    board = target.load(name)
    elf = check(tmp_path, Build(board=board, compiler=compiler, flags=flags, layers_in_unit=3))
    assert assembly(elf, board)


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("name", BOARDS)
def test_plain_c_in_place_of_assembly(name: str, compiler: str, tmp_path: Path) -> None:
    board = target.load(name)
    flags = ("-Os", "-DCONVGEN_PLAIN_C")
    elf = check(tmp_path, Build(board=board, compiler=compiler, flags=flags, layers_in_unit=3))
    assert assembly(elf, board) == set()


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("name", BOARDS)
def test_code_and_constants_in_sections_of_their_own(
    name: str, compiler: str, tmp_path: Path
) -> None:
    board = target.load(name)
    machine = emulator.choose("qemu-system", board).machine
    assert machine.memory is not None
    ram = machine.memory.harness.origin + 2**21
    places = {CODE: ram, CONSTANTS: ram + 2**20}
    flags = (
        "-Os", f'-DCONVGEN_CODE_SECTION="{CODE}"', f'-DCONVGEN_CONSTANTS_SECTION="{CONSTANTS}"'
    )  # fmt: skip
    link = tuple(f"--section-start={section}={at:#x}" for section, at in places.items())
    build = Build(board=board, compiler=compiler, flags=flags)
    elf = check(tmp_path, replace(build, link_options=(*link, "--gc-sections")))
    prefixes = tuple(plan.layer.name for plan in together.plans(board))
    for kind, section in (("STT_FUNC", CODE), ("STT_OBJECT", CONSTANTS)):
        found = {name: at for name, at in symbols(elf, kind).items() if name.startswith(prefixes)}
        assert len(found) > len(prefixes) // 2
        assert {name for name, at in found.items() if at < places[section]} == set()
        assert max(found.values()) < places[section] + 2**20


@pytest.mark.parametrize(
    ("name", "compiler"),
    [("cortex-m3", "gcc"), ("cortex-m4", "gcc"), ("cortex-m4", "zig"), ("cortex-m33", "gcc")],
)
def test_no_unaligned_access_where_none_is_allowed(
    name: str, compiler: str, tmp_path: Path
) -> None:
    """With that option the core is set to fault at any: tensors are at odd addresses."""
    build = Build(board=target.load(name), compiler=compiler, flags=("-O2", STRICT))
    check(tmp_path, build)


def test_a_target_without_unaligned_access(tmp_path: Path) -> None:
    board = target.load("cortex-m4")
    cpu = board.cpu.model_copy(update={"features": board.cpu.features - {"unaligned"}})
    board = board.model_copy(update={"cpu": cpu})
    check(tmp_path, Build(board=board, compiler="gcc", flags=("-O2", STRICT)))


def test_few_registers_of_risc_v_get_plain_c(tmp_path: Path) -> None:
    """No emulator here has so few: compiled, linked without a gap, and without assembly."""
    board = target.load("rv32imc")
    flags = ("-Os", "-march=rv32emac", "-mabi=ilp32e")
    build = Build(board=board, compiler="gcc", flags=flags, layers_in_unit=3)
    sources = together.write(tmp_path, together.plans(board), build)
    prefix = board.toolchain.gcc.prefix
    strict = [
        *toolchain.WARNINGS,
        "-ffreestanding",
        "-fbuiltin",
        "-idirafter",
        str(data_dir("firmware")),
    ]
    command = [f"{prefix}gcc", *board.toolchain.gcc.flags, *flags, *strict, *sources]
    command += [
        str(data_dir("firmware") / "memory.c"),
        "-nostdlib",
        "-lgcc",
        "-Wl,-e,together",
        "-o",
        "few.elf",
    ]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=120)
    assert assembly(tmp_path / "few.elf", board) == set()


def assembly(elf: Path, board: Target) -> set[str]:
    """Return the layers' functions that are in assembly: they are hidden, those in C static."""
    prefixes = tuple(plan.layer.name for plan in together.plans(board))
    with elf.open("rb") as file:
        table = cast(SymbolTableSection, ELFFile(file).get_section_by_name(".symtab"))
        return {
            symbol.name
            for symbol in table.iter_symbols()
            if symbol["st_other"]["visibility"] == "STV_HIDDEN" and symbol.name.startswith(prefixes)
        }


def symbols(elf: Path, kind: str) -> dict[str, int]:
    with elf.open("rb") as file:
        table = cast(SymbolTableSection, ELFFile(file).get_section_by_name(".symtab"))
        return {
            symbol.name: symbol["st_value"]
            for symbol in table.iter_symbols()
            if symbol["st_info"]["type"] == kind
        }
