from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from convgen.bench.code import measure
from toy.bench import Built, build


def symbol_bytes(built: Built, kinds: str) -> int:
    """What nm says of the toy's own symbols."""
    objects = built.image.objects
    names = subprocess.run(
        ["arm-none-eabi-nm", "--defined-only", "-S", *objects.layer],
        cwd=objects.folder, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    fields = [line.split() for line in names.splitlines()]
    return sum(int(field[1], 16) for field in fields if len(field) == 4 and field[2] in kinds)


@pytest.mark.parametrize("source", ["scale.c", "arithmetic.c", "nested.c"])
def test_code_and_constants_are_those_of_the_layers_symbols(tmp_path: Path, source: str) -> None:
    built = build(tmp_path, source, "cortex-m4")
    padding = built.sizes.code_bytes - symbol_bytes(built, "tT")
    assert 0 <= padding < 8
    assert built.sizes.constant_bytes == symbol_bytes(built, "rR")


def test_static_variables_are_counted(tmp_path: Path) -> None:
    built = build(tmp_path, "statics.c", "rv32imc")
    assert measure.static_bytes(built.image.objects) == 52
    assert built.image.layout.static_bytes == 52


def test_library_functions_are_apart_from_the_code(tmp_path: Path) -> None:
    (tmp_path / "m0").mkdir()
    (tmp_path / "m4").mkdir()
    assert (build(tmp_path / "m0", "arithmetic.c", "cortex-m0").sizes.library_bytes or 0) > 1000
    assert build(tmp_path / "m4", "arithmetic.c", "cortex-m4").sizes.library_bytes == 0


def test_recursion_leaves_no_bound_of_the_stack(tmp_path: Path) -> None:
    sizes = build(tmp_path, "recursion.c", "cortex-m4").sizes
    assert sizes.stack_bound_bytes is None
    assert sizes.library_bytes == 0


def test_a_call_through_a_pointer_leaves_nothing_known(tmp_path: Path) -> None:
    sizes = build(tmp_path, "pointer.c", "rv32imc").sizes
    assert (sizes.stack_bound_bytes, sizes.library_bytes) == (None, None)


def test_an_address_has_the_name_of_its_function(tmp_path: Path) -> None:
    built = build(tmp_path, "scale.c", "cortex-m4")
    vectors = built.emulator.machine.memory
    assert vectors is not None
    assert measure.function_at(built.image.elf, vectors.code.origin + 0x3FFFFF) is None
    names = {measure.function_at(built.image.elf, address) for address in range(0, 1024, 2)}
    assert {"toy", "memcpy"} <= names
