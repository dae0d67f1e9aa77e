from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from convgen.bench.build import compilers, toolchain
from convgen.errors import BuildError, ToolError, UsageError
from convgen.targets import target
from toy.bench import HERE, TOY, build


def test_the_version_names_the_compiler() -> None:
    found = toolchain.find("auto", target.load("cortex-m4"))
    assert found.version.startswith("arm-none-eabi-gcc 1")
    assert found.flags[:2] == ("-O3", "-mcpu=cortex-m4")


def test_an_unknown_toolchain_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown toolchain 'icc'; known: auto, gcc, zig"):
        toolchain.find("icc", target.load("host"))


def test_a_missing_compiler_is_told_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ToolError) as caught:
        toolchain.find("gcc", target.load("rv32imc"))
    message = str(caught.value)
    assert "riscv64-unknown-elf-gcc" in message
    assert "apt-get install gcc-riscv64-unknown-elf" in message


def test_zigs_compiler_is_named_with_its_package_where_that_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(compilers, "_zig_program", lambda: None)
    with pytest.raises(ToolError) as caught:
        toolchain.find("zig", target.load("cortex-m4"))
    assert str(caught.value) == (
        'ziglang is not installed\n  to install it: pip install "convgen[portable]"'
    )


def test_without_any_compiler_both_ways_to_one_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(compilers, "_zig_program", lambda: None)
    with pytest.raises(ToolError) as caught:
        toolchain.find("auto", target.load("cortex-m4"))
    assert str(caught.value) == (
        "no compiler for cortex-m4: there is neither arm-none-eabi-gcc nor ziglang\n"
        "  to install the one: apt-get install gcc-arm-none-eabi\n"
        '  to install the other: pip install "convgen[portable]"'
    )


def test_zig_stands_in_for_a_missing_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert toolchain.find("auto", target.load("rv32imc")).version.startswith("zig clang ")


def test_zig_does_not_build_for_this_computer() -> None:
    with pytest.raises(UsageError, match="--toolchain zig cannot build for host, but gcc can"):
        toolchain.find("zig", target.load("host"))


def layer_of(text: str, folder: Path) -> toolchain.Objects:
    """Compile *text* as the toy's source."""
    shutil.copyfile(HERE / "toy.h", folder / "toy.h")
    (folder / "toy.c").write_text(f'#include "toy.h"\n{text}\n', encoding="utf-8")
    m4 = target.load("cortex-m4")
    tools = toolchain.find("auto", m4)
    return toolchain.compile_objects(folder, TOY, m4.preferred_machine, tools)


def test_what_a_compiler_warns_of_fails_nothing(tmp_path: Path) -> None:
    layer_of(
        "#warning so\nvoid toy(const int8_t *a, int8_t *b, void *c) { *b = *a + 1; }", tmp_path
    )


def test_an_error_in_the_layer_is_told_with_its_command(tmp_path: Path) -> None:
    with pytest.raises(BuildError) as caught:
        layer_of("void toy(int8_t *a, int8_t *b, void *c) { }", tmp_path)
    assert "toy.c:2:6: error: conflicting types for" in str(caught.value)
    assert "command: arm-none-eabi-gcc -std=c99" in str(caught.value)
    assert caught.value.summary.startswith("arm-none-eabi-gcc failed with status 1: toy.c:2:6: ")


@pytest.mark.parametrize(
    ("name", "tools"),
    [("cortex-m4", "gcc"), ("rv32imc", "gcc"), ("host", "gcc"), ("cortex-m0", "zig"),
     ("rv32imc", "zig")],
)  # fmt: skip
def test_the_files_are_the_same_in_another_folder(tmp_path: Path, name: str, tools: str) -> None:
    files = []
    for folder in (tmp_path / "a", tmp_path / "another one"):
        folder.mkdir()
        toolchain._firmware.cache_clear()
        built = build(folder, "scale.c", name, tools=tools)
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        files.append({path.relative_to(folder): path.read_bytes() for path in paths})
        assert built.image.elf == folder / "verify" / "toy.elf"
    assert files[0] == files[1]


@pytest.mark.parametrize(
    ("name", "kind", "tools"),
    [
        ("cortex-m0", "qemu-system", "gcc"),
        ("cortex-m55", "qemu-system", "gcc"),
        ("rv32imc", "qemu-system", "gcc"),
        ("cortex-m4", "qemu-user", "gcc"),
        ("rv64imac", "qemu-user", "gcc"),
        ("cortex-m0", "qemu-system", "zig"),
        ("rv32imc", "qemu-system", "zig"),
    ],
)
def test_the_names_that_a_layer_cannot_have_are_few(
    tmp_path: Path, name: str, kind: str, tools: str
) -> None:
    taken = {"main", "malloc", "calloc", "realloc", "free", "memcpy", "memmove", "memset", "memcmp"}
    with build(tmp_path, "scale.c", name, kind, tools=tools).image.elf.open("rb") as file:
        symbols = cast(SymbolTableSection, ELFFile(file).get_section_by_name(".symtab"))
        names = {s.name for s in symbols.iter_symbols() if s["st_info"]["bind"] == "STB_GLOBAL"}
    # Nor can it begin with an underscore, as libgcc's functions do.
    others = {name for name in names if not name.startswith(("convgen_", "_"))}
    assert "toy" in others
    assert others - {"toy"} <= taken


def test_the_compiler_is_asked_once_for_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    first = toolchain.find("auto", target.load("cortex-m4"))
    monkeypatch.setattr(toolchain, "run_tool", lambda *_, **__: pytest.fail("asked again"))
    assert toolchain.find("auto", target.load("cortex-m0")).version == first.version


def test_a_layer_larger_than_its_region_cannot_be_linked(tmp_path: Path) -> None:
    built = build(tmp_path, "statics.c", "cortex-m4")
    script = tmp_path / "verify" / "toy.ld"
    length = built.image.layout.region_bytes
    assert f"LENGTH = {length}\n" in script.read_text(encoding="utf-8")
    m4 = target.load("cortex-m4")
    smaller = replace(built.image.layout, static_bytes=built.image.layout.static_bytes - 1)
    with pytest.raises(BuildError, match="region `LAYER' overflowed by 1 byte"):
        toolchain.link(
            built.image.objects, built.image.call, smaller, m4.preferred_machine,
            toolchain.find("auto", m4),
        )  # fmt: skip
