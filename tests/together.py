"""Many layers as one: a function that calls one after the other, for the command's own harness.

Its input are all inputs in a row, its output all outputs; every other tensor is at an odd address.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

import emulated
import numpy_reference
from convgen import emulator, toolchain
from convgen.generate import layer_files
from convgen.layout import Call, arrange
from convgen.plan import Plan
from convgen.target import Target
from convgen.toolchain import Image
from convgen.vectors import make_inputs

NAME = "together"
PROTOTYPE = f"void {NAME}(const int8_t *input, int8_t *output, void *workspace)"
STACK = 16_384


def link(folder: Path, plans: Sequence[Plan], board: Target, compiler: str) -> Image:
    """Write, compile and link int8 layers."""
    bench = emulated.bench(board.name, np.empty(0), compiler)
    sources = []
    for plan in plans:
        for file, text in layer_files(plan, board, None).items():
            (folder / file).write_text(text)
            if file.endswith(".c"):
                sources.append(file)
    (folder / f"{NAME}.h").write_text(f"#include <stdint.h>\n{PROTOTYPE};\n")
    (folder / f"{NAME}.c").write_text(_calls(plans))
    call = Call(
        name=NAME,
        sources=(f"{NAME}.c", *sources),
        input_bytes=sum(_room(plan.layer.input_bytes) for plan in plans),
        output_bytes=sum(_room(plan.layer.output_bytes) for plan in plans),
        workspace_bytes=max(plan.workspace_bytes for plan in plans),
        workspace_align=4,
        writes_input=any(plan.writes_input for plan in plans),
    )
    objects = toolchain.compile_objects(folder, call, bench.machine, bench.toolchain)
    layout = arrange(
        call,
        budget=call.buffer_bytes + STACK,
        static_bytes=0,
        machine_bytes=bench.machine.layer_bytes,
    )
    return toolchain.link(objects, call, layout, bench.machine, bench.toolchain)


def _calls(plans: Sequence[Plan]) -> str:
    calls = []
    for plan in plans:
        name, layer = plan.layer.name, plan.layer
        source = "(int8_t *)(uintptr_t)input" if plan.writes_input else "input"
        gap = "" if layer.output_bytes % 2 else f"output[{layer.output_bytes}] = 0"
        init = f"    {name}_init({source}, workspace);\n" if plan.has_init else ""
        calls.append(
            f"{init}    {name}({source}, output, workspace);\n"
            f"    {gap};\n"
            f"    input += {_room(layer.input_bytes)};\n"
            f"    output += {_room(layer.output_bytes)};\n"
        )
    includes = "".join(f'#include "{plan.layer.name}.h"\n' for plan in plans)
    return f'#include "{NAME}.h"\n{includes}\n{PROTOTYPE}\n{{\n{"".join(calls)}}}\n'


def _room(size: int) -> int:
    """Return what a tensor takes: an odd number."""
    return size + (size + 1) % 2


def run(image: Image, plans: Sequence[Plan], board: Target, kind: str) -> list[str]:
    """Run *image* and return the layers whose outputs are not right."""
    layers = [plan.layer for plan in plans]
    inputs = [make_inputs(layer, seed=0, count=1) for layer in layers]
    given = b"".join(tensor.tobytes().ljust(_room(tensor.nbytes), b"\0") for tensor in inputs)
    machine = emulator.choose(kind, board)
    outputs = emulator.run(machine, image, given, expected_instructions=1e7).outputs
    at, wrong = 0, []
    for layer, tensor in zip(layers, inputs, strict=True):
        expected = numpy_reference.convolve(layer, tensor).astype(np.int8).tobytes()
        if outputs[at : at + layer.output_bytes] != expected:
            wrong.append(layer.name)
        at += _room(layer.output_bytes)
    return wrong
