from __future__ import annotations

import re
from dataclasses import replace

from convgen.bench.build import harness
from convgen.bench.build.harness import Status
from convgen.bench.build.layout import Call, arrange
from convgen.resources import data_dir
from convgen.schedule.overlap import Pool
from convgen.targets.target import load

CALL = Call(name="toy", sources=("toy.c",), inputs=(10,), outputs=(20,), workspace_bytes=30)


def layer_call(call: Call) -> str:
    layout = arrange(call, budget=1024, static_bytes=0, machine_bytes=2**20)
    return harness.layer_call(call, layout)


def zones(text: str, of: str) -> list[tuple[int, int]]:
    """Where the harness finds these tensors."""
    found = re.search(rf"convgen_{of}\[\] = {{(.*?)}};", text, re.DOTALL)
    assert found is not None
    return [(int(a), int(b)) for a, b in re.findall(r"\{(\d+)u, (\d+)u\}", found[1])]


def test_the_exit_codes_are_those_of_the_firmware() -> None:
    text = (data_dir("firmware") / "harness.h").read_text(encoding="utf-8")
    codes = dict(re.findall(r"^    CONVGEN_(\w+) = (\d+)", text, re.MULTILINE))
    assert {status.name: str(status.value) for status in Status} == codes


def test_input_output_and_workspace_are_passed() -> None:
    text = layer_call(CALL)
    arguments = re.search(r"\.arguments = \{(.*)\}", text)
    assert arguments is not None
    assert len(re.findall(r"convgen_arena \+ \d+", arguments[1])) == 3
    assert ".inputs_are_preserved = true" in text


def test_a_workspace_of_no_bytes_is_null() -> None:
    call = Call(name="toy", sources=("toy.c",), inputs=(10,), outputs=(20,))
    assert re.search(r"\.arguments = \{(convgen_arena \+ \d+, ){2}NULL\}", layer_call(call))


def test_a_pool_is_passed_once_and_its_input_not_checked() -> None:
    pool = Pool(bytes=25, input_offset=15, output_offset=0)
    call = Call(name="toy", sources=("toy.c",), inputs=(10,), outputs=(20,), pool=pool)
    text = layer_call(call)
    argument = re.search(r"\.arguments = \{convgen_arena \+ (\d+), NULL\}", text)
    assert argument is not None
    start = int(argument[1])
    assert zones(text, "inputs") == [(start + 15, start + 25)]
    assert zones(text, "outputs") == [(start, start + 20)]
    assert ".inputs_are_preserved = false" in text


def test_an_init_function_gets_input_and_workspace_which_is_then_kept() -> None:
    text = layer_call(replace(CALL, has_init=True))
    arguments = re.search(r"\.arguments = \{(.*?), (.*?), (.*?)\}", text)
    init = re.search(r"\.init_arguments = \{(.*?), (.*?)\}", text)
    assert arguments is not None
    assert init is not None
    assert ".init = (convgen_entry *)toy_init" in text
    assert init.groups() == (arguments[1], arguments[3])
    start = int(arguments[3].split()[-1])
    workspace = f"{{{start}u, {start + 30}u}}"
    assert f".kept = {workspace}" in text
    assert workspace not in text.split("convgen_scratch")[1].split(";")[0]


def test_of_several_inputs_each_is_passed_and_kept() -> None:
    text = layer_call(Call(name="toy", sources=("toy.c",), inputs=(10, 11), outputs=(20,)))
    inputs, outputs = zones(text, "inputs"), zones(text, "outputs")
    assert [end - start for start, end in (*inputs, *outputs)] == [10, 11, 20]
    passed = ", ".join(f"convgen_arena + {start}" for start, _ in (*inputs, *outputs))
    assert f".arguments = {{{passed}, NULL}}" in text
    assert ".inputs_are_preserved = true" in text


def test_the_linker_gets_a_region_of_budget_and_guards() -> None:
    machine = load("cortex-m55").preferred_machine
    layout = arrange(CALL, budget=1024, static_bytes=0, machine_bytes=2**20)
    text = harness.linker_script(layout, machine, ("verify/toy.o",))
    assert f"LAYER : ORIGIN = 0x78000000, LENGTH = {layout.region_bytes}\n" in text
    assert "} > VECTORS" in text
