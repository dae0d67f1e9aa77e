"""Many layers in one image, as firmware has them: built with any flags, run under QEMU.

A function that calls one layer after the other is run like a layer of its own: its input are all
inputs in a row, its output all outputs. Tensors lie at odd addresses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import minimal
import numpy_reference
from cases import CASES
from convgen import emulator, toolchain
from convgen.algorithms import ALGORITHMS
from convgen.generate import layer_files
from convgen.layout import Call, arrange
from convgen.plan import Plan
from convgen.target import Target
from convgen.toolchain import Image
from convgen.vectors import make_inputs

NAME = "together"
STACK = 16_384
MORE = (("first", "direct"), ("first", "direct_w16"), ("connected", "direct"), ("deep", "direct"))
"""Layers whose functions in assembly are others than those of the first case that will do."""


@dataclass(frozen=True, kw_only=True)
class Build:
    """How: flags behind those of the target, how many layers one source includes, if any do.

    ``flags`` are for everything, ``layer_flags`` for the layers and their compiler as a linker,
    ``link_options`` for the linker itself.
    """

    board: Target
    compiler: str
    flags: tuple[str, ...] = ()
    layer_flags: tuple[str, ...] = ()
    link_options: tuple[str, ...] = ()
    layers_in_unit: int = 0


def plans(board: Target) -> list[Plan]:
    """Plan each algorithm for the first small layer that it can do, and some for others."""
    layers = {name: minimal.load(fields) for name, fields in CASES.items()}
    chosen: list[Plan] = []
    for algorithm in ALGORITHMS:
        for case, layer in layers.items():
            wanted = (case, algorithm.name) in MORE
            first = all(plan.algorithm != algorithm.name for plan in chosen)
            if (
                layer.dtype == "int8"
                and (wanted or first)
                and algorithm.reject(layer, board) is None
            ):
                named = replace(layer, name=f"{case}_{algorithm.name}")
                chosen.append(algorithm.plan(named, board))
    return chosen


def write(folder: Path, chosen: Sequence[Plan], build: Build) -> tuple[str, ...]:
    """Write the layers and who calls them to *folder*; return what is to be compiled."""
    sources = []
    for plan in chosen:
        for file, text in layer_files(plan, build.board, None).items():
            (folder / file).write_text(text)
            if file.endswith(".c"):
                sources.append(file)
    (folder / f"{NAME}.h").write_text(f"#include <stdint.h>\n{PROTOTYPE};\n")
    (folder / f"{NAME}.c").write_text(_callers(chosen))
    if build.layers_in_unit:
        sources = _units(folder, sources, 2 * build.layers_in_unit)
    return f"{NAME}.c", *sources


PROTOTYPE = f"void {NAME}(const int8_t *input, int8_t *output, void *workspace)"


def _units(folder: Path, sources: Sequence[str], size: int) -> list[str]:
    names = []
    for start in range(0, len(sources), size):
        names.append(f"unit_{start}.c")
        lines = [f'#include "{source}"\n' for source in sources[start : start + size]]
        (folder / names[-1]).write_text("".join(lines))
    return names


def _callers(chosen: Sequence[Plan]) -> str:
    """Return the function that calls all, each with the next of the input and the output."""
    calls = []
    for plan in chosen:
        name, layer = plan.layer.name, plan.layer
        source = "(int8_t *)(uintptr_t)input" if plan.writes_input else "input"
        init = f"    {name}_init({source}, workspace);\n" if plan.has_init else ""
        calls.append(
            f"{init}    {name}({source}, output, workspace);\n"
            f"    input += {_room(layer.input_bytes)};\n"
            f"    output += {_room(layer.output_bytes)};\n"
        )
    includes = "".join(f'#include "{plan.layer.name}.h"\n' for plan in chosen)
    return f'#include "{NAME}.h"\n{includes}\n{PROTOTYPE}\n{{\n{"".join(calls)}}}\n'


def _room(size: int) -> int:
    """Return what a tensor takes: an odd number, so that every other one is at an odd address."""
    return size + (size + 1) % 2


def link(folder: Path, chosen: Sequence[Plan], build: Build) -> Image:
    """Write, compile and link the layers."""
    machine = emulator.choose("qemu-system", build.board).machine
    tools = toolchain.find(build.compiler, build.board)
    tools = replace(tools, target_flags=(*tools.target_flags, *build.flags))
    for_layers = replace(
        tools,
        target_flags=(*tools.target_flags, *build.layer_flags),
        link=(
            *tools.link,
            *(build.layer_flags if tools.linker_prefix else ()),
            *(word for option in build.link_options for word in tools.linker_option(option)),
        ),
    )
    layers = [plan.layer for plan in chosen]
    call = Call(
        name=NAME,
        sources=write(folder, chosen, build),
        input_bytes=sum(_room(layer.input_bytes) for layer in layers),
        output_bytes=sum(_room(layer.output_bytes) for layer in layers),
        workspace_bytes=max(plan.workspace_bytes for plan in chosen),
        workspace_align=4,
    )
    objects = toolchain.compile_objects(
        folder, call, machine.model_copy(update={"firmware": ()}), for_layers
    )
    firmware = toolchain.compile_objects(folder, replace(call, sources=()), machine, tools)
    objects = replace(objects, firmware=firmware.firmware)
    layout = arrange(
        call,
        budget=call.buffer_bytes + STACK,
        static_bytes=0,
        machine_bytes=machine.layer_bytes,
    )
    return toolchain.link(objects, call, layout, machine, for_layers)


def wrong(
    image: Image, chosen: Sequence[Plan], board: Target, kind: str = "qemu-system"
) -> list[str]:
    """Run *image* and return the layers whose outputs are not right."""
    layers = [plan.layer for plan in chosen]
    inputs = [make_inputs(layer, seed=0, count=1) for layer in layers]
    given = b"".join(tensor.tobytes().ljust(_room(tensor.nbytes), b"\0") for tensor in inputs)
    machine = emulator.choose(kind, board)
    outputs = emulator.run(machine, image, given, expected_instructions=1e7).outputs
    at, names = 0, []
    for layer, tensor in zip(layers, inputs, strict=True):
        expected = numpy_reference.convolve(layer, tensor).astype(np.int8).tobytes()
        if outputs[at : at + layer.output_bytes] != expected:
            names.append(layer.name)
        at += _room(layer.output_bytes)
    return names
