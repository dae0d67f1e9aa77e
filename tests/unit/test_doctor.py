"""Which tools there are: found or not, for whom, and how to get them."""

from __future__ import annotations

import importlib.util
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from command import convgen
from convgen.report import doctor
from convgen.report.doctor import COMPILER, EMULATOR, Tool
from convgen.targets import target

BOARDS = [target.load(name) for name in ("cortex-m0", "cortex-m4", "host", "rv32imc")]


def test_each_program_of_the_targets_is_named_once_with_those_it_serves() -> None:
    found = {tool.name: tool for tool in doctor.tools(BOARDS)}
    assert len(found) == len(doctor.tools(BOARDS))
    assert found["arm-none-eabi-gcc"] == Tool(
        name="arm-none-eabi-gcc",
        kind=COMPILER,
        option="--toolchain gcc",
        targets=("cortex-m0", "cortex-m4"),
        get="apt-get install gcc-arm-none-eabi",
    )
    assert found["qemu-system-arm"].targets == ("cortex-m0", "cortex-m4")
    assert found["qemu-riscv32"].option == "--emulator qemu-user"
    assert [tool.kind for tool in found.values()] == sorted(tool.kind for tool in found.values())


def test_a_target_is_served_by_any_tool_that_is_there() -> None:
    tools = doctor.tools(BOARDS)
    assert doctor.without(tools, COMPILER) == ["cortex-m0", "cortex-m4", "host", "rv32imc"]
    some = [replace(t, path="/bin/x" if t.name in ("qemu-arm", "gcc") else None) for t in tools]
    assert doctor.without(some, COMPILER) == ["cortex-m0", "cortex-m4", "rv32imc"]
    assert doctor.without(some, EMULATOR) == ["host", "rv32imc"]
    _, *said = doctor.parts(some)
    assert said == [
        "No compiler for: cortex-m0, cortex-m4, rv32imc",
        "No emulator for: host, rv32imc",
    ]


def test_where_nothing_is_installed_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    result = convgen("--doctor")
    assert (result.status, result.stderr) == (0, "")
    lines = [line for line in result.stdout.splitlines() if not line.startswith(" ")]
    rows = {line.split()[0]: line for line in lines}
    assert all("not found" in line for name, line in rows.items() if name not in ("tool", "No"))
    assert "not found: apt-get install qemu-user" in rows["qemu-arm"]
    assert 'not found: pip install "convgen[portable]"' in rows["unicorn"]
    assert "--emulator qemu-system: rv64imac" in rows["qemu-system-riscv64"]
    for extra in ("onnx", "board", "completion"):
        assert f'not found: pip install "convgen[{extra}]"' in result.stdout
    assert "not found: apt-get install gdb-multiarch" in rows["gdb-multiarch"]


def test_a_program_that_does_not_run_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "arm-none-eabi-gcc"
    broken.write_text("#!/bin/sh\nexit 3\n", encoding="utf-8")
    broken.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    (compiler, *_) = doctor.examine()
    assert (compiler.name, compiler.path) == ("arm-none-eabi-gcc", str(broken))
    assert "failed with status 3" in compiler.version
