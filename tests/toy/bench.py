"""Builds the toy layers of this folder and runs them as the command does a generated one."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from convgen.bench.build import toolchain
from convgen.bench.build.layout import Call, arrange
from convgen.bench.build.toolchain import Image
from convgen.bench.code import measure
from convgen.bench.code.sizes import Sizes
from convgen.bench.run import emulator
from convgen.bench.run.emulator import Emulator, Run
from convgen.targets import target

HERE = Path(__file__).parent
TOY = Call(
    name="toy",
    sources=("toy.c",),
    inputs=(100,),
    outputs=(100,),
    workspace_bytes=100,
    workspace_align=4,
)
INPUT = bytes(range(100))


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """A toy that is linked and measured."""

    image: Image
    emulator: Emulator
    sizes: Sizes

    def run(self, inputs: bytes = INPUT) -> Run:
        """Call it once for each 100 bytes of *inputs*."""
        return emulator.run(self.emulator, self.image, inputs, expected_instructions=0)


def build(
    folder: Path, source: str, target_name: str, kind: str = "auto", budget: int = 8192,
    call: Call = TOY, *, tools: str = "auto",
) -> Built:  # fmt: skip
    """Build the toy *source* for a target and the emulator *kind*, in *folder*."""
    for path in (HERE / source, HERE / f"{call.name}.h"):
        shutil.copyfile(path, folder / path.name)
    return _build(folder, replace(call, sources=(source,)), target_name, kind, budget, tools)


def build_renamed(folder: Path, name: str, target_name: str, kind: str) -> Built:
    """Build the toy ``scale.c`` under another name: its files, its function."""
    for end, path in (("c", HERE / "scale.c"), ("h", HERE / "toy.h")):
        text = path.read_text(encoding="utf-8").replace("toy", name).replace("TOY", "TEST")
        (folder / f"{name}.{end}").write_text(text, encoding="utf-8")
    call = replace(TOY, name=name, sources=(f"{name}.c",))
    return _build(folder, call, target_name, kind, budget=8192)


def _build(
    folder: Path, call: Call, target_name: str, kind: str, budget: int, tools: str = "auto"
) -> Built:
    chosen = emulator.choose(kind, target.load(target_name))
    compiler = toolchain.find(tools, chosen.target)
    objects = toolchain.compile_objects(folder, call, chosen.machine, compiler)
    layout = arrange(
        call,
        budget=budget,
        static_bytes=measure.static_bytes(objects),
        machine_bytes=chosen.machine.layer_bytes,
    )
    image = toolchain.link(objects, call, layout, chosen.machine, compiler)
    return Built(image=image, emulator=chosen, sizes=measure.measure(image, compiler))
