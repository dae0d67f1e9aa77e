from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import golden_texts
from convgen.ctext import identifiers
from convgen.formats.tflite import scene


@pytest.mark.parametrize(
    "name",
    [
        *("conv1", "Stem", "a", "x_" * 31, "memory", "string2", "s0", "first", "convgen"),
        *("in", "out", "kernel", "stride", "dilation", "tap", "run", "patch"),
    ],
)
def test_ordinary_names_are_free(name: str) -> None:
    assert identifiers.objection(name) is None


@pytest.mark.parametrize(
    "name", ["sinf", "cabsl", "isnan", "uint_fast8_t", "UINT64_C", "NULL", "nullptr", "linux"]
)
def test_names_of_the_c_world_are_taken(name: str) -> None:
    assert identifiers.objection(name) is not None


def test_names_of_the_test_program_are_reserved() -> None:
    expected = "a name that does not begin with convgen_, as the test program's do"
    assert identifiers.objection("convgen_arena") == expected


@pytest.mark.parametrize("name", ["l1__taps", "a__", "Add__12"])
def test_the_infix_of_a_layers_own_symbols_is_reserved(name: str) -> None:
    expected = "a name without __, which stands behind the name in a layer's own symbols"
    assert identifiers.objection(name) == expected


def test_operators_are_called_neither_alike_nor_as_what_a_model_has() -> None:
    taken: set[str] = set()
    given = ["Conv", "conv", "conv_2", "conv_rows", "a;b", "least", "rows_0", "initial", "initial"]
    found = [scene.identifier(name, taken) for name in [*given, "initial", "init", "7/x__y"]]
    assert found == [
        *("Conv", "conv_2", "conv_2_2", "conv_rows_op", "a", "least_op", "rows_0_op"),
        *("initial", "initial_op", "initial_op_2", "init", "x_y"),
    ]


def test_constants_of_generated_sources_are_taken() -> None:
    text = "\n".join(text for path, text in golden_texts.texts().items() if path.endswith(".c"))
    macros = set(re.findall(r"^#define [A-Z0-9_]+__(\w+)", text, re.MULTILINE))
    assert {"IN_H", "OUT_C", "RUN", "TAP", "FINISH_MIN", "PATCH", "OUT_OF_LINE"} <= macros
    expected = "a name other than a constant of the generated source"
    assert {name: identifiers.objection(name) for name in macros} == dict.fromkeys(macros, expected)


@pytest.mark.parametrize("compiler", ["gcc", "arm-none-eabi-gcc", "riscv64-unknown-elf-gcc"])
def test_functions_that_gcc_knows_are_taken(compiler: str) -> None:
    if not shutil.which(compiler):
        pytest.skip(f"needs {compiler}")
    found = subprocess.run(
        [compiler, "-print-prog-name=cc1"], capture_output=True, text=True, check=True
    )
    program = Path(found.stdout.strip()).read_bytes()
    names = sorted({name.decode() for name in re.findall(rb"__builtin_([a-z]\w*)\0", program)})
    declarations = "".join(
        f"void {name}(const signed char *, signed char *, void *);\n" for name in names
    )
    done = subprocess.run(
        [compiler, "-std=gnu17", "-fsyntax-only", "-x", "c", "-"],
        input=declarations,
        capture_output=True,
        text=True,
        env=os.environ | {"LC_ALL": "C"},
        check=False,
    )
    known = set(re.findall(r"conflicting types for built-in function '(\w+)'", done.stderr))
    assert {"cexp", "isinf", "memcpy", "sinf"} <= known
    assert [name for name in sorted(known) if identifiers.objection(name) is None] == []
