from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from convgen.errors import TargetError
from convgen.resources import data_dir
from convgen.targets import target
from convgen.targets.target import Counter

M4 = (data_dir("targets") / "cortex-m4.toml").read_text(encoding="utf-8")


def own(folder: Path, text: str) -> str:
    path = folder / "my-board.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def problem(folder: Path, text: str) -> str:
    with pytest.raises(TargetError) as caught:
        target.load(own(folder, text))
    return str(caught.value).replace(f"{folder}/", "")


def test_the_cores_are_there() -> None:
    assert target.names() == [
        "cortex-m0", "cortex-m0plus", "cortex-m23", "cortex-m3", "cortex-m33", "cortex-m4",
        "cortex-m55", "cortex-m7", "cortex-m85", "host", "rv32ec", "rv32imac",
        "rv32imafc", "rv32imc", "rv32imcv", "rv32imcv_zvl256b", "rv64imac",
    ]  # fmt: skip


@pytest.mark.parametrize("name", [*target.names(), *target.chips()])
def test_every_target_loads(name: str) -> None:
    loaded = target.load(name)
    assert loaded.name == name
    assert loaded.memory.ram <= loaded.preferred_machine.layer_bytes


def test_a_target_says_what_its_core_can_do() -> None:
    m4, m0 = target.load("cortex-m4"), target.load("cortex-m0")
    assert (m4.memory.ram, m4.memory.flash) == (256 * 1024, 1024 * 1024)
    assert (m4.cpu.registers, m0.cpu.registers) == (13, 8)
    assert m4.has("dsp")
    assert not m0.has("unaligned")


@pytest.mark.parametrize("flag", ["-flto", "-flto=auto", "-DCONVGEN_CODE_SECTION=x"])
def test_flags_that_hide_the_layer_from_measuring_are_refused(flag: str, tmp_path: Path) -> None:
    text = M4.replace('flags = ["', f'flags = ["{flag}", "', 1)
    assert text != M4
    assert f"expected flags without {flag.partition('=')[0]}, with which" in problem(tmp_path, text)


def test_a_file_of_the_user_is_a_target(tmp_path: Path) -> None:
    loaded = target.load(own(tmp_path, M4.replace('"256k"', "20480")))
    assert (loaded.name, loaded.memory.ram) == ("my-board", 20480)


def test_a_machine_may_be_a_file_beside_the_target(tmp_path: Path) -> None:
    machine = data_dir("targets") / "machines" / "mps2-an386.toml"
    (tmp_path / "board.toml").write_text(
        machine.read_text(encoding="utf-8").replace('"16M"', '"1M"'), encoding="utf-8"
    )
    loaded = target.load(own(tmp_path, M4.replace('"mps2-an386"', '"board.toml"')))
    assert loaded.preferred_machine.layer_bytes == 2**20


def test_an_unknown_target_is_refused_with_a_suggestion() -> None:
    with pytest.raises(TargetError, match=r"unknown target 'cortexm4'; did you mean cortex-m4\?"):
        target.load("cortexm4")


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("m4", "cortex-m4"), ("stm32f4", "stm32f407"), ("esp32c3", "esp32-c3"),
        ("nrf52", "nrf52832 or nrf52840"), ("cortex-m0+", "cortex-m0plus"),
        ("STM32F407VG", "stm32f407"), ("nRF52840-QIAA", "nrf52840"), ("stm32h747", "stm32h743"),
    ],
)  # fmt: skip
def test_the_nearest_name_is_suggested(asked: str, meant: str) -> None:
    with pytest.raises(TargetError) as caught:
        target.load(asked)
    assert str(caught.value).startswith(f"unknown target '{asked}'; did you mean {meant}? ")


def test_a_name_like_none_gets_no_suggestion() -> None:
    assert target.nearest("z80", [*target.names(), *target.chips()]) == []
    assert target.nearest("---", target.names()) == []


# Two of each vendor's data sheets, as they are printed.
SIZES = {
    "stm32f103": (20, 64), "stm32f407": (128, 1024), "stm32f746": (320, 1024),
    "stm32g071": (36, 128), "stm32l476": (96, 1024), "stm32h743": (512, 2048),
    "stm32u585": (768, 2048), "nrf52832": (64, 512), "nrf52840": (256, 1024),
    "nrf5340": (512, 1024), "rp2040": (264, 2048), "rp2350": (520, 4096),
    "rp2350-riscv": (520, 4096), "esp32-c3": (384, 4096), "esp32-c6": (512, 4096),
    "ch32v003": (2, 16), "gd32vf103": (32, 128), "samd21": (32, 256), "samd51": (256, 1024),
    "apollo4": (1408, 1952),
}  # fmt: skip


@pytest.mark.parametrize("name", target.chips())
def test_a_chip_is_its_core_with_memory_of_its_own(name: str) -> None:
    """It compiles with the core's flags and runs on the core's emulators: those are tested."""
    chip = target.load(name)
    assert chip.core is not None
    core = target.load(chip.core)
    assert (chip.cpu, chip.toolchain, chip.emulator) == (core.cpu, core.toolchain, core.emulator)
    assert chip.is_chip
    assert not core.is_chip
    assert (chip.memory.ram >> 10, chip.memory.flash >> 10) == SIZES[name]
    spans = sorted((region.origin, region.bytes) for region in chip.memory.regions)
    assert all(at + size <= after for (at, size), (after, _) in pairwise(spans))


def test_a_file_of_the_user_may_inherit(tmp_path: Path) -> None:
    text = 'core = "cortex-m4"\ndescription = "mine"\n[cpu]\nfeatures = ["divide"]\n'
    loaded = target.load(own(tmp_path, f'{text}[memory]\nram = "96k"\nflash = "512k"\n'))
    assert loaded.memory.ram == 96 * 1024
    assert loaded.cpu.features == frozenset({"divide"})
    assert loaded.toolchain == target.load("cortex-m4").toolchain


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('core = "cortex-m5"', "core: expected one of cortex-m0, "),
        ("core = 4", "core: expected one of cortex-m0, "),
        ('core = "cortex-m4"\n[memory]\nregions = [{ name = "sram" }]',
            "memory.regions.0.kind: missing"),
        ('core = "cortex-m4"\n[memory]\nregions = []', "memory.ram: missing"),
    ],
)  # fmt: skip
def test_a_wrong_chip_is_refused(tmp_path: Path, text: str, message: str) -> None:
    assert message in problem(tmp_path, text)


def test_regions_one_behind_the_other_count_as_one() -> None:
    chip = target.load("stm32f407")
    largest = target.largest(chip.memory.regions, "ram")
    assert largest == target.Region(origin=0x20000000, bytes=128 * 1024)
    assert target.largest(chip.memory.regions, "rom") is None


def test_a_missing_file_is_refused() -> None:
    with pytest.raises(TargetError, match=r"none\.toml: cannot be read: No such file"):
        target.load("none.toml")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("registers = 13", "", "cpu.registers: missing"),
        ("registers = 13", "register = 13", "cpu.register: unknown key"),
        ("registers = 13", 'registers = "13"', "cpu.registers: expected a valid integer, got '13'"),
        ('"armv7e-m"', '"arm"', "cpu.isa: expected 'armv6-m', "),
        ('"dsp"', '"simd"', "cpu.features.1: expected 'divide', "),
        ('"256k"', '"64q"', "expected a size such as 64k, 1M or 65536, got '64q'"),
        ('"256k"', "0", "memory.ram: expected greater than 0, got 0"),
        ("[emulator.qemu-user]", "[emulator.qemu]", "emulator.qemu: expected 'native', "),
        ('"mps2-an386"', '"mps2-386"', "unknown machine 'mps2-386'; did you mean mps2-an386?"),
        ('model = "CORTEX_M4"', "", "emulator: expected a model for unicorn, got none"),
        ('"CORTEX_M4"', '"CORTEX_M5"', "emulator.unicorn.model: expected 'CORTEX_M0', "),
        (
            'args = ["-cpu", "cortex-m4"]', 'model = "CORTEX_M4"',
            "emulator: expected no model for qemu-user, got 'CORTEX_M4'",
        ),
        ("[memory]", "[memory", "not TOML: "),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in M4
    said = problem(tmp_path, M4.replace(old, new))
    assert said.startswith("my-board.toml: ")
    assert message in said


def test_every_problem_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    assert problem(tmp_path, 'description = 1\n[cpu]\ncore = "M"').count("\n") >= 6


@pytest.mark.parametrize(("ratio", "rounds"), [("8/5", "up"), ("32/25", "up"), ("256/125", "down")])
def test_every_count_of_instructions_is_read_back_from_its_ticks(ratio: str, rounds: str) -> None:
    counter = Counter.model_validate_json(
        f'{{"ticks_per_instruction": "{ratio}", "rounds": "{rounds}"}}'
    )
    for count in range(1000):
        exact = count * Fraction(ratio)
        ticks = exact // 1 if rounds == "down" else -(-exact // 1)
        assert counter.instructions(ticks) == count


def test_a_counter_is_trusted_to_half_its_limit() -> None:
    counter = target.load("cortex-m4").preferred_machine.counter
    assert counter is not None
    assert counter.can_count(2.6e9)
    assert not counter.can_count(2.7e9)
    unlimited = target.load("cortex-m55").preferred_machine.counter
    assert unlimited is not None
    assert unlimited.can_count(1e15)


def test_a_fallback_needs_a_machine_that_can_be_probed(tmp_path: Path) -> None:
    said = problem(tmp_path, M4.replace('"linux-arm"', '"linux-riscv32"'))
    assert "emulator.qemu-user: expected no fallback, as the machine has no probe" in said


def test_falling_back_takes_features_and_adds_flags() -> None:
    m55 = target.load("cortex-m55")
    fallback = m55.emulator["qemu-user"].fallback
    assert fallback is not None
    simpler = m55.falling_back(fallback)
    assert m55.has("mve")
    assert not simpler.has("mve")
    assert simpler.toolchain.gcc.flags[-1] == "-mcpu=cortex-m33"
    assert simpler.toolchain.zig is not None
    assert simpler.toolchain.zig.flags[-1] == "-mcpu=cortex-m33"


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("tools/arm-", "boards/tools/arm-"),
        ("./", "boards/./"),
        ("../arm-", "boards/../arm-"),
    ],
)
def test_a_program_with_a_folder_is_beside_the_file_that_names_it(
    prefix: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (data_dir("targets") / "cortex-m4.toml").read_text(encoding="utf-8")
    machine = (data_dir("targets") / "machines" / "mps2-an386.toml").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    Path("boards").mkdir()
    text = text.replace('"arm-none-eabi-"', f'"{prefix}"').replace('"mps2-an386"', '"own.toml"')
    Path("boards/own.toml").write_text(machine.replace("qemu-system-arm", f"{prefix}qemu"))
    Path("boards/board.toml").write_text(text)
    found = target.load("boards/board.toml")
    assert found.toolchain.gcc.prefix == f"{tmp_path}/{expected}"
    assert found.preferred_machine.program == f"{tmp_path}/{expected}qemu"


@pytest.mark.parametrize("prefix", ["arm-none-eabi-", "/opt/arm/bin/arm-none-eabi-"])
def test_a_program_on_the_path_or_by_its_whole_path_is_as_it_is_written(
    prefix: str, tmp_path: Path
) -> None:
    text = (data_dir("targets") / "cortex-m4.toml").read_text(encoding="utf-8")
    (tmp_path / "board.toml").write_text(text.replace('"arm-none-eabi-"', f'"{prefix}"'))
    assert target.load(str(tmp_path / "board.toml")).toolchain.gcc.prefix == prefix
