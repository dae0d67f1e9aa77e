"""The generated C as C: every small layer by every algorithm, by the rules firmware is built by.

Each is on one of the four targets.

The files are compiled from a folder that holds nothing else, by each compiler, with every warning
an error. What the objects may contain is then read from their symbols and sections.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

import minimal
from cases import CASES, OPERATORS
from convgen.plans import registry
from convgen.sources.generate import layer_files
from convgen.sources.words import SYNTHETIC
from convgen.targets import target
from native import WARNINGS, Variant, variants

pytestmark = pytest.mark.slow

BOARDS = ("cortex-m0", "cortex-m4", "rv32imc", "host")
MAX_COLUMNS = 110
FREESTANDING = {
    "float.h", "iso646.h", "limits.h", "stdarg.h", "stdbool.h", "stddef.h", "stdint.h", "string.h",
}  # fmt: skip
ONLY_MULTIPLIERS = minimal.inline(
    input={"shape": [2, 2, 2], "dtype": "int8", "zero_point": -1},
    output={"zero_point": 3},
    weights={"values": [[[[1, -128]]], [[[127, 0]]]]},
    requantize={"multiplier": 2**30, "shift": -8},
)
MACRO = re.compile(r"^#define (\w+) +(\d+)u", re.MULTILINE)
INCLUDE = re.compile(r"^\s*#\s*include\s+[<\"](.*)[>\"]", re.MULTILINE)


@dataclass(frozen=True)
class Sources:
    """What was generated for a board: every variant, all files in one folder."""

    board: target.Target
    folder: Path
    variants: tuple[Variant, ...]
    files: dict[str, str]

    @property
    def c_files(self) -> list[str]:
        return sorted(name for name in self.files if name.endswith(".c"))

    def header(self, variant: Variant) -> str:
        return self.files[f"{variant.plan.layer.name}.h"]


def written(name: str, folder: Path) -> Sources:
    board = target.load(name)
    able = [v for fields in CASES.values() for v in variants(minimal.load(fields), board)]
    turn = BOARDS.index(name)  # a variant with tensors apart is followed by that in one pool
    chosen = tuple(variant for i, variant in enumerate(able) if i // 2 % len(BOARDS) == turn)
    files: dict[str, str] = {}
    for variant in chosen:
        files |= layer_files(variant.plan, board, variant.pool)
    for file, text in files.items():
        (folder / file).write_text(text)
    return Sources(board=board, folder=folder, variants=chosen, files=files)


@pytest.fixture(scope="module", params=BOARDS)
def sources(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Sources:
    return written(request.param, tmp_path_factory.mktemp("sources"))


@pytest.fixture(scope="module")
def objects(sources: Sources, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of what the board's compiler made of the sources."""
    folder = tmp_path_factory.mktemp("objects")
    gcc = sources.board.toolchain.gcc
    # The Debian cross compilers have no C library, and stdint.h only for freestanding programs.
    freestanding = ["-ffreestanding"] if gcc.prefix else []
    compile_c(f"{gcc.prefix}gcc", [*gcc.flags, *freestanding], sources, folder)
    return folder


def compile_c(compiler: str, flags: list[str], sources: Sources, out: Path) -> None:
    """Compile each file alone; what is seen at -O3 only, test_every_target sees."""
    paths = [f"{sources.folder}/{name}" for name in sources.c_files]
    checked([compiler, "-std=c99", *WARNINGS, "-O1", *flags, "-c", *paths], out)


def checked(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"
    return done.stdout


# --- what compilers say -------------------------------------------------------------------------


def test_every_variant_compiles_without_a_warning(sources: Sources, objects: Path) -> None:
    assert len(list(objects.glob("*.o"))) == len(sources.c_files) == 2 * len(sources.variants)


@pytest.mark.parametrize("compiler", [c for c in ("gcc", "clang") if shutil.which(c)] or ["gcc"])
@pytest.mark.parametrize("standard", ["c99", "c17"])
@pytest.mark.parametrize("sources", ["host"], indirect=True)
def test_native_compilers_have_no_warning_in_any_standard(
    compiler: str, standard: str, sources: Sources
) -> None:
    checked(
        [compiler, f"-std={standard}", *WARNINGS, "-fsyntax-only", *sources.c_files],
        sources.folder,
    )


@pytest.mark.parametrize("sources", ["host"], indirect=True)
def test_cpp_compiles_against_the_headers_and_links(
    sources: Sources, objects: Path, tmp_path: Path
) -> None:
    names = [variant.plan.layer.name for variant in sources.variants]
    calls = [
        f"    {variant.plan.layer.name}({'nullptr, ' * (1 if variant.pool else 2)}nullptr);"
        for variant in sources.variants
    ]
    lines = [
        *(f'#include "{name}.h"' for name in names),
        "int main(int count, char **)",
        "{",
        "    if (count < 2) {",
        "        return 0;",
        "    }",
        *calls,
        "}",
    ]
    (tmp_path / "main.cpp").write_text("\n".join(lines) + "\n")
    warnings = ["-Wall", "-Wextra", "-Wpedantic", "-Wold-style-cast", "-Werror"]
    linked = ["-no-pie", *(str(path) for path in sorted(objects.glob("*.o"))), "-o", "main"]
    include = f"-I{sources.folder}"
    checked(["g++", "-std=c++11", *warnings, include, "main.cpp", *linked], tmp_path)
    checked(["./main"], tmp_path)


# --- what the objects hold ----------------------------------------------------------------------


@dataclass(frozen=True)
class Symbol:
    """A function, an object or a name that another file must define."""

    name: str
    defined: bool
    visible: bool  # to whoever links the layer: not where it is hidden
    is_function: bool


@cache
def symbols(path: Path) -> tuple[Symbol, ...]:
    with path.open("rb") as file:
        table = cast(SymbolTableSection, ELFFile(file).get_section_by_name(".symtab"))
        return tuple(
            Symbol(
                name=symbol.name,
                defined=symbol["st_shndx"] != "SHN_UNDEF",
                visible=symbol["st_info"]["bind"] == "STB_GLOBAL"
                and symbol["st_other"]["visibility"] == "STV_DEFAULT",
                is_function=symbol["st_info"]["type"] == "STT_FUNC",
            )
            for symbol in table.iter_symbols()
            if symbol["st_info"]["type"] in ("STT_FUNC", "STT_OBJECT")
            or (symbol["st_info"]["bind"] == "STB_GLOBAL" and symbol.name)
        )


def layers(sources: Sources, objects: Path) -> Iterator[tuple[str, list[Symbol]]]:
    """Yield each layer's name with the symbols of both its objects."""
    for variant in sources.variants:
        name = variant.plan.layer.name
        yield name, [s for end in ("", "_weights") for s in symbols(objects / f"{name}{end}.o")]


def libgcc(board: target.Target) -> set[str]:
    """Return what the compiler's own library defines."""
    gcc = board.toolchain.gcc
    find = [f"{gcc.prefix}gcc", *gcc.flags, "-print-libgcc-file-name"]
    library = checked(find, Path()).strip()
    listed = checked([f"{gcc.prefix}nm", "--defined-only", "--extern-only", library], Path())
    return {line.split()[-1] for line in listed.splitlines() if line.count(" ") == 2}


def test_layers_need_nothing_but_memcpy_memset_and_libgcc(sources: Sources, objects: Path) -> None:
    allowed = {"memcpy", "memset"} | libgcc(sources.board)
    assert len(allowed) > 50
    for name, found in layers(sources, objects):
        own = {symbol.name for symbol in found if symbol.defined}
        assert {symbol.name for symbol in found} - own <= allowed, name


def test_layers_hold_no_data_that_changes(sources: Sources, objects: Path) -> None:
    for path in objects.glob("*.o"):
        with path.open("rb") as file:
            for section in ELFFile(file).iter_sections():
                writable = section["sh_flags"] & SH_FLAGS.SHF_WRITE
                assert not (writable and section["sh_size"]), f"{path.name}: {section.name}"


def test_every_symbol_is_one_that_no_other_layer_can_have(sources: Sources, objects: Path) -> None:
    """No name of a layer has two underscores, or ends in ``_init``."""
    for name, found in layers(sources, objects):
        defined = {symbol.name for symbol in found if symbol.defined}
        own = re.compile(rf"{name}(_init|__[\w.]+)?")
        assert {symbol for symbol in defined if not own.fullmatch(symbol)} == set(), name


def test_a_layer_shows_its_functions_and_its_constants(sources: Sources, objects: Path) -> None:
    for name, found in layers(sources, objects):
        visible = {symbol for symbol in found if symbol.defined and symbol.visible}
        functions = {symbol.name for symbol in visible if symbol.is_function}
        assert functions == {name} | ({f"{name}_init"} if "_init" in name else set())
        assert len(visible) > 1


# --- what the text says -------------------------------------------------------------------------


def layer_of(file: str) -> str:
    return re.sub(r"(_weights)?\.[ch]$", "", file)


def test_only_freestanding_headers_are_included(sources: Sources) -> None:
    for file, text in sources.files.items():
        own = {f"{layer_of(file)}.h", f"{layer_of(file)}_weights.h"}
        assert set(INCLUDE.findall(text)) <= FREESTANDING | own, file


def test_the_macros_of_the_header_are_the_real_sizes(sources: Sources) -> None:
    for variant in sources.variants:
        layer = variant.plan.layer
        g = layer.geometry
        item = np.dtype(layer.dtype).itemsize
        expected = {
            "INPUT_BYTES": g.in_h * g.in_w * g.in_c * item,
            "OUTPUT_BYTES": g.out_h * g.out_w * g.out_c * item,
            "WORKSPACE_BYTES": variant.plan.workspace_bytes,
            "WORKSPACE_ALIGN": variant.plan.workspace_align,
            "INPUT_HEIGHT": g.in_h,
            "INPUT_WIDTH": g.in_w,
            "INPUT_CHANNELS": g.in_c,
            "OUTPUT_HEIGHT": g.out_h,
            "OUTPUT_WIDTH": g.out_w,
            "OUTPUT_CHANNELS": g.out_c,
        }
        if variant.pool:
            expected["POOL_BYTES"] = variant.pool.bytes
            expected["POOL_ALIGN"] = item
            expected["INPUT_OFFSET"] = variant.pool.input_offset
            expected["OUTPUT_OFFSET"] = variant.pool.output_offset
        prefix = f"{layer.name.upper()}_"
        macros = {name: int(value) for name, value in MACRO.findall(sources.header(variant))}
        assert macros == {prefix + name: value for name, value in expected.items()}


def test_the_macros_of_an_int8_layer_say_what_its_numbers_stand_for(tmp_path: Path) -> None:
    layer = minimal.load(minimal.inline(activation="relu"))
    board = target.load("host")
    plan = variants(layer, board)[0].plan
    q = layer.quantization
    assert q is not None
    name = plan.layer.name
    files = layer_files(plan, board, None)
    (tmp_path / f"{name}.h").write_text(files[f"{name}.h"])
    numbers = [
        f"{name.upper()}_{tensor}_{number}"
        for tensor in ("INPUT", "OUTPUT")
        for number in ("SCALE", "ZERO_POINT")
    ]
    for compiler, suffix in (("gcc -std=c99", "c"), ("g++ -std=c++11", "cpp")):
        lines = [
            "#include <stdio.h>",
            f'#include "{name}.h"',
            "int main(void)",
            "{",
            f'    printf("%.9g %d %.9g %d", (double)({numbers[0]}), 0 - {numbers[1]},',
            f"        (double)({numbers[2]}), 0 - {numbers[3]});",
            "    return 0;",
            "}",
        ]
        (tmp_path / f"main.{suffix}").write_text("\n".join(lines) + "\n")
        warnings = ["-Wall", "-Wextra", "-Wpedantic", "-Wdouble-promotion", "-Werror"]
        checked([*compiler.split(), *warnings, f"main.{suffix}", "-o", "main"], tmp_path)
        printed = checked(["./main"], tmp_path)
        assert printed == (
            f"{q.in_scale:.9g} {-q.in_zero_point} {q.out_scale:.9g} {-q.out_zero_point}"
        )


@pytest.mark.parametrize("fields", [CASES["real"], ONLY_MULTIPLIERS])
def test_a_number_that_nobody_knows_has_no_macro(fields: dict[str, Any]) -> None:
    board = target.load("cortex-m4")
    layer = minimal.load(fields)
    plan = variants(layer, board)[0].plan
    header = layer_files(plan, board, None)[f"{plan.layer.name}.h"]
    assert re.findall(r"#define \w+_SCALE", header) == []
    assert ("_ZERO_POINT" in header) == (layer.dtype == "int8")


def test_words_are_hexadecimal_and_bytes_are_decimal() -> None:
    for case, algorithm in (("deep", "direct"), ("planes", "direct_planes"), ("deep", "winograd")):
        layer, board = minimal.load(CASES[case]), target.load("cortex-m4")
        plans = [variant.plan for variant in variants(layer, board)]
        plan = next(plan for plan in plans if algorithm in (plan.family, plan.algorithm))
        text = layer_files(plan, board, None)[f"{plan.layer.name}_weights.c"]
        for constant in plan.constants:
            body = text.partition(f"_{constant.name}[")[2].partition("= {")[2].partition("};")[0]
            numbers = [int(number, 0) for number in body.replace(",", " ").split()]
            assert numbers == constant.values.reshape(-1).tolist()
            is_word = constant.values.dtype == "uint32"
            assert is_word == all(re.fullmatch("0x[0-9a-f]{8},?", n) for n in body.split())
        assert any(constant.values.dtype == "uint32" for constant in plan.constants)


def test_the_header_tells_what_a_firmware_engineer_asks(sources: Sources) -> None:
    for variant in sources.variants:
        comment = opening_comment(sources.header(variant))
        layer, plan = variant.plan.layer, variant.plan
        g = layer.geometry
        assert comment.startswith(f"{layer.name}: convolution layer ")
        for fact in (
            f"{layer.dtype}, {g.macs:,} MACs",
            f"Input {g.in_h} x {g.in_w} x {g.in_c} (height x width x channels), ",
            f"Output {g.out_h} x {g.out_w} x {g.out_c} (height x width x channels), ",
            f"Activation {layer.activation}",
            f"Kernel {g.k_h} x {g.k_w}, stride {g.stride_h} x {g.stride_w}, ",
            f"Algorithm {plan.algorithm}: ",
            f"Workspace {plan.workspace_bytes:,} bytes" if plan.workspace else "Workspace none",
            f"Constants {plan.constant_bytes:,} bytes",
            SYNTHETIC,
            f"for {sources.board.name}; do not edit.",
        ):
            assert fact in comment
        assert ("Quantised " in comment) == (layer.dtype != "float32")


def opening_comment(header: str) -> str:
    """Return the text of the first comment, on one line."""
    inside = header.removeprefix("/*").partition("*/")[0]
    return " ".join(inside.replace("*", " ").split())


def test_the_header_tells_how_given_numbers_are_quantised() -> None:
    board = target.load("cortex-m4")
    for rounding in ("double", "single"):
        layer = minimal.load(minimal.inline(requantize={"rounding": rounding}))
        plan = variants(layer, board)[0].plan
        comment = opening_comment(layer_files(plan, board, None)[f"{plan.layer.name}.h"])
        q = layer.quantization
        assert q is not None
        assert f"scale {np.float32(q.in_scale)}, zero point -1 Output" in comment
        assert f"scale {np.float32(q.out_scale)}, zero point 3 Kernel" in comment
        assert f"{rounding} rounding" in comment
        assert SYNTHETIC not in comment


def test_the_text_is_plain_and_narrow(sources: Sources) -> None:
    operators = [minimal.operator(fields) for fields in OPERATORS.values()]
    plans = [plan for each in operators for plan in registry.able(each, sources.board).values()]
    more = [layer_files(plan, sources.board, None).items() for plan in plans]
    for file, text in (*sources.files.items(), *chain.from_iterable(more)):
        assert text.isascii()
        assert text.replace("\n", "").isprintable()
        assert text.endswith("\n")
        for line in text.splitlines():
            assert line == line.rstrip()
            shown = line.replace(f"{layer_of(file).upper()}__", "").replace(layer_of(file), "layer")
            assert len(shown) <= MAX_COLUMNS, f"{file}: {line}"
