from __future__ import annotations

import re

from convgen import harness
from convgen.harness import Status
from convgen.layout import Call, Pool, arrange
from convgen.resources import data_dir
from convgen.target import load

CALL = Call(name="toy", sources=("toy.c",), input_bytes=10, output_bytes=20, workspace_bytes=30)


def config(call: Call) -> str:
    layout = arrange(call, budget=1024, static_bytes=0, machine_bytes=2**20)
    return harness.config_header(call, layout)


def test_the_exit_codes_are_those_of_the_firmware() -> None:
    text = (data_dir("firmware") / "harness.h").read_text(encoding="utf-8")
    codes = dict(re.findall(r"HARNESS_(\w+) = (\d+)", text))
    assert {status.name: str(status.value) for status in Status} == codes


def test_input_output_and_workspace_are_passed() -> None:
    text = config(CALL)
    arguments = re.search(r"HARNESS_ARGUMENTS (.*)", text)
    assert arguments is not None
    assert len(re.findall(r"layer_arena \+ \d+u", arguments[1])) == 3
    assert "HARNESS_INPUT_PRESERVED 1" in text


def test_a_workspace_of_no_bytes_is_null() -> None:
    call = Call(name="toy", sources=("toy.c",), input_bytes=10, output_bytes=20)
    assert re.search(r"ARGUMENTS layer_arena \+ \d+u, layer_arena \+ \d+u, NULL\n", config(call))


def test_a_pool_is_passed_once_and_its_input_not_checked() -> None:
    pool = Pool(bytes=25, input_offset=15, output_offset=0)
    call = Call(name="toy", sources=("toy.c",), input_bytes=10, output_bytes=20, pool=pool)
    text = config(call)
    start = re.search(r"HARNESS_ARGUMENTS layer_arena \+ (\d+)u, NULL, NULL\n", text)
    assert start is not None
    assert f"HARNESS_INPUT_START {int(start[1]) + 15}u" in text
    assert "HARNESS_INPUT_PRESERVED 0" in text


def test_the_linker_gets_a_region_of_budget_and_guards() -> None:
    machine = load("cortex-m55").preferred_machine
    layout = arrange(CALL, budget=1024, static_bytes=0, machine_bytes=2**20)
    text = harness.linker_script(layout, machine, ("verify/toy.o",))
    assert f"LAYER : ORIGIN = 0x78000000, LENGTH = {layout.region_bytes}\n" in text
    assert "} > VECTORS" in text
