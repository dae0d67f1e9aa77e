"""Every algorithm in one image, built and linked as other people's firmware is."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

import batch
import emulated
import minimal
import numpy_reference
from batch import Options
from cases import CASES
from convgen.bench.proof.vectors import make_inputs
from convgen.ctext import identifiers
from convgen.model.ops.conv2d import Conv2d
from convgen.plans import registry
from convgen.plans.conv import ALGORITHMS
from convgen.resources import data_dir
from convgen.sources.generate import layer_files
from convgen.targets import target
from convgen.targets.target import Target
from native import WARNINGS, Job, Variant
from planned import planned

pytestmark = pytest.mark.emulator

COMPILERS = ("gcc", "zig")
ONCE = (
    ("cortex-m0", "zig"), ("cortex-m4", "gcc"), ("cortex-m55", "zig"), ("rv32imc", "gcc"),
    ("rv32imcv", "zig"),
)  # fmt: skip
"""Every set of instructions, with one compiler or the other."""
OTHERWISE = tuple((name, {"gcc": "zig", "zig": "gcc"}[compiler]) for name, compiler in ONCE)
MORE = {
    ("first", "direct"), ("first", "direct_w16"), ("connected", "direct"), ("deep", "direct"),
    ("halves", "direct"), ("halves", "direct_w16"), ("lanes", "direct"), ("lanes", "direct_w16"),
    ("wide", "direct"),
}  # fmt: skip
"""Layers whose functions are others than those of the first layer that will do."""
WIDE = minimal.made_up(
    input={"shape": [5, 11, 5], "dtype": "int16", "zero_point": 0},
    output={"zero_point": 0},
    out_channels=5,
    kernel_size=3,
    stride=[1, 3],
    padding="valid",
    groups=5,
)
"""Clang's vectors for Helium went astray in it at -Os."""
CODE, CONSTANTS = ".itcm", ".ext_flash"
STRICT = "-mno-unaligned-access"


def jobs(board: Target) -> list[Job]:
    """Plan each algorithm for the first small layer that it can do, and some for others."""
    able = {case: registry.able(layer, board) for case, layer in layers().items()}
    first = {
        algorithm.name: next((case for case in able if algorithm.name in able[case]), None)
        for algorithm in ALGORITHMS
    }
    return [
        Job(
            chosen=[Variant(plan=replace(plan, operator=named), pool=None)],
            target=board,
            inputs=make_inputs(layer, seed=0, count=1),
        )
        for algorithm in ALGORITHMS
        for case, layer in layers().items()
        if (plan := able[case].get(algorithm.name))
        and ((case, algorithm.name) in MORE or case == first[algorithm.name])
        for named in [replace(layer, name=f"{case}_{algorithm.name}")]
    ]


@cache
def layers() -> dict[str, Conv2d]:
    loaded = {name: minimal.load(fields) for name, fields in CASES.items()}
    of_integers = {name: layer for name, layer in loaded.items() if layer.dtype != "float32"}
    return {**of_integers, "wide": minimal.load(WIDE)}


def check(
    folder: Path,
    board: Target,
    compiler: str,
    options: Options,
    flags: tuple[str, ...] = (),
    chosen: list[Job] | None = None,
) -> Path:
    """Build all layers, run them, hold their outputs against the reference; return the image.

    *flags* are for the firmware too.
    """
    chosen = chosen or jobs(board)
    bench = emulated.bench(board.name, compiler=compiler)
    built = replace(bench.toolchain, target_flags=(*bench.toolchain.target_flags, *flags))
    found = batch.run(folder, chosen, replace(bench, toolchain=built), options)
    for job, outputs in zip(chosen, found, strict=True):
        expected = numpy_reference.convolve(job.layer, job.inputs)
        for label, got in outputs.items():
            np.testing.assert_array_equal(got, expected, err_msg=f"{job.layer.name}: {label}")
    return folder / "batch.elf"


@pytest.mark.parametrize(("name", "compiler"), [*OTHERWISE, ("cortex-m4", "gcc")])
def test_optimised_at_link_time(name: str, compiler: str, tmp_path: Path) -> None:
    link = ("-flto",) if compiler == "gcc" else ()
    check(
        tmp_path,
        target.load(name),
        compiler,
        Options(compile=("-Os", "-flto"), link=link, measured=False),
    )


@pytest.mark.parametrize(
    ("compiler", "how", "link"),
    [("gcc", (), ("-flto", "-flto-partition=1to1")), ("zig", ("-flto=thin",), ())],
)
def test_optimised_at_link_time_in_parts(
    compiler: str, how: tuple[str, ...], link: tuple[str, ...], tmp_path: Path
) -> None:
    options = Options(compile=("-Os", "-flto", *how), link=link, measured=False)
    check(tmp_path, target.load("cortex-m4"), compiler, options)


@pytest.mark.parametrize(("name", "compiler"), ONCE)
def test_three_layers_in_each_unit_anywhere_in_memory_without_builtins(
    name: str, compiler: str, tmp_path: Path
) -> None:
    """And amid a firmware whose own macros have the names that the sources give to theirs."""
    board = target.load(name)
    taken = [f"-D{macro}={at}" for at, macro in enumerate(sorted(short_names(board)))]
    assert {"-DCODE", "-DIN_H", "-DOUT_C"} <= {each.partition("=")[0] for each in taken}
    flags = ("-O1", "-fPIC", "-fno-builtin", *taken)
    options = Options(compile=flags, layers_in_unit=3, constants_beside=True)
    assert assembly(check(tmp_path, board, compiler, options), board)


def short_names(board: Target) -> set[str]:
    """Return the macros of all sources, without the layers' names."""
    texts = (
        text
        for job in jobs(board)
        for file, text in layer_files(job.chosen[0].plan, board, None).items()
        if file.endswith(".c")
    )
    return {
        name.partition(identifiers.INFIX)[2]
        for text in texts
        for name in re.findall(r"^#define (\w+)", text, re.MULTILINE)
    }


@pytest.mark.parametrize(
    ("name", "layers_in_unit"),
    [("cortex-m4", 3), ("rv32imcv", 1)],
)
def test_layers_named_like_symbols_of_another(
    name: str, layers_in_unit: int, tmp_path: Path
) -> None:
    """Beside ``l1`` layers ``l1_patch``, ``l1_bias``: what other files could take for theirs."""
    board = target.load(name)
    first = jobs(board)
    alike = [
        replace(job, chosen=[named(job, like, board)])
        for job in first
        for like in sorted(own.replace("__", "_") for own in shared_symbols(job, board))
        if identifiers.objection(like) is None
    ]
    assert len(alike) > len(first)
    options = Options(compile=("-O0",), layers_in_unit=layers_in_unit, constants_beside=True)
    check(tmp_path, board, "gcc", options, chosen=[*first, *alike])


def shared_symbols(job: Job, board: Target) -> set[str]:
    """Return the constants and functions of a layer that its own other files and objects see."""
    text = "\n".join(layer_files(job.chosen[0].plan, board, None).values())
    return set(re.findall(r"^(?:extern const \w+|void) (\w+__\w+)", text, re.MULTILINE))


def named(job: Job, name: str, board: Target) -> Variant:
    """Return the layer of *job* under another name."""
    plan = planned(job.chosen[0].plan.algorithm, replace(job.layer, name=name), board)
    return Variant(plan=plan, pool=None)


@pytest.mark.parametrize(("name", "compiler"), OTHERWISE)
def test_plain_c_in_place_of_assembly(name: str, compiler: str, tmp_path: Path) -> None:
    board = target.load(name)
    options = Options(compile=("-Os", "-DCONVGEN_PLAIN_C"), layers_in_unit=3, constants_beside=True)
    assert assembly(check(tmp_path, board, compiler, options), board) == set()


@pytest.mark.parametrize(("name", "compiler"), OTHERWISE)
def test_code_and_constants_in_sections_of_their_own(
    name: str, compiler: str, tmp_path: Path
) -> None:
    board = target.load(name)
    bench = emulated.bench(name, compiler=compiler)
    assert bench.machine.memory is not None
    behind = bench.machine.memory.code.origin + 2**21
    places = {CODE: behind, CONSTANTS: behind + 2**20}
    link = [
        word
        for section, at in places.items()
        for word in bench.toolchain.linker_option(f"--section-start={section}={at:#x}")
    ]
    options = Options(
        compile=(
            "-Os", "-ffunction-sections", "-fdata-sections",
            f'-DCONVGEN_CODE_SECTION="{CODE}"', f'-DCONVGEN_CONSTANTS_SECTION="{CONSTANTS}"',
        ),
        link=(*link, *bench.toolchain.linker_option("--gc-sections")),
        measured=False,
    )  # fmt: skip
    elf = check(tmp_path, board, compiler, options)
    for kind, section in (("STT_FUNC", CODE), ("STT_OBJECT", CONSTANTS)):
        found = own_symbols(elf, board, kind)
        assert len(found) > 20
        outside = {symbol for symbol, at in found.items() if not 0 <= at - places[section] < 2**20}
        assert outside == set()


@pytest.mark.parametrize("compiler", COMPILERS)
def test_sections_of_functions_and_constants_that_nobody_uses_are_dropped(
    compiler: str, tmp_path: Path
) -> None:
    board = target.load("cortex-m4")
    tools = emulated.bench("cortex-m4", compiler=compiler).toolchain
    link = tools.linker_option("--gc-sections")
    options = Options(
        compile=("-Os", "-ffunction-sections", "-fdata-sections"), link=link, measured=False
    )
    written = assembly(check(tmp_path, board, compiler, options), board)
    assert len(written) > 10
    for path in tmp_path.glob("*.o"):
        with path.open("rb") as file:
            names = {section.name for section in ELFFile(file).iter_sections()}
        assert not names & {f".rel.text.{name}" for name in written}, "assembly holds an address"


@pytest.mark.parametrize(
    ("name", "compiler"),
    [("cortex-m3", "gcc"), ("cortex-m4", "gcc"), ("cortex-m4", "zig"), ("cortex-m55", "gcc")],
)
def test_no_unaligned_access_where_none_is_allowed(
    name: str, compiler: str, tmp_path: Path
) -> None:
    """With that option the core is set to fault at any: tensors are at odd addresses."""
    check(tmp_path, target.load(name), compiler, Options(compile=("-O2",)), (STRICT,))


def test_a_target_without_unaligned_access(tmp_path: Path) -> None:
    board = target.load("cortex-m4")
    cpu = board.cpu.model_copy(update={"features": board.cpu.features - {"unaligned"}})
    board = board.model_copy(update={"cpu": cpu})
    check(tmp_path, board, "gcc", Options(compile=("-O2",)), (STRICT,))


def test_few_registers_of_risc_v_get_plain_c(tmp_path: Path) -> None:
    """No emulator here has so few: compiled, linked without a gap, and without assembly."""
    board = target.load("rv32imc")
    firmware, gcc = data_dir("firmware"), board.toolchain.gcc
    sources = batch.units(tmp_path, batch.write(tmp_path, jobs(board)), 3, constants_beside=True)
    few = ["-Os", "-march=rv32emac", "-mabi=ilp32e", "-ffreestanding", "-fbuiltin", *WARNINGS]
    command = [f"{gcc.prefix}gcc", *gcc.flags, *few, "-idirafter", str(firmware), *sources]
    command += [str(firmware / "memory.c"), "-nostdlib", "-lgcc", "-Wl,-e,0", "-o", "few.elf"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=120)
    assert assembly(tmp_path / "few.elf", board) == set()


def assembly(elf: Path, board: Target) -> set[str]:
    """Return the layers' functions that are in assembly: they are hidden, those in C static."""
    prefixes = tuple(job.layer.name for job in jobs(board))
    with elf.open("rb") as file:
        table = cast(SymbolTableSection, ELFFile(file).get_section_by_name(".symtab"))
        return {
            symbol.name
            for symbol in table.iter_symbols()
            if symbol["st_other"]["visibility"] == "STV_HIDDEN" and symbol.name.startswith(prefixes)
        }


def own_symbols(elf: Path, board: Target, kind: str) -> dict[str, int]:
    """Return the addresses of the layers' functions, or of their constants."""
    prefixes = tuple(job.layer.name for job in jobs(board))
    with elf.open("rb") as file:
        table = cast(SymbolTableSection, ELFFile(file).get_section_by_name(".symtab"))
        return {
            symbol.name: symbol["st_value"]
            for symbol in table.iter_symbols()
            if symbol["st_info"]["type"] == kind and symbol.name.startswith(prefixes)
        }
