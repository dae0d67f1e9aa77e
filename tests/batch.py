"""Many layers in one image, called one after the other under QEMU or on this computer.

An image costs a link and a start of the emulator whatever it holds, which is most of what a small
layer takes by itself. Guard zones lie around every buffer, and buffers are aligned as the header
promises and no better: batch.c does that. The layers may be built and linked with any options.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from convgen import harness, toolchain
from convgen.compilers import LAYER_OPTIMIZATION
from convgen.generate import layer_files
from convgen.layout import Call, Layout
from convgen.trial import Bench
from native import Job, Variant

HERE = Path(__file__).parent
ARENA_BYTES, INPUT_BYTES = 2**20, 2**16
TIMEOUT_S = 900
VERDICTS = ("clean", "wrote outside its buffers", "changed its input")

TABLE = r"""
#include "batch.h"

{includes}

const struct batch_layer batch_layers[] = {{
{layers}
}};
const size_t batch_count = sizeof batch_layers / sizeof batch_layers[0];
"""

LAYER = r"""
    {{
        .function = (batch_entry *){name}, .init = {init}, .inputs = {inputs},
        .keeps_input = {keeps_input},
        .input_bytes = {name_}_INPUT_BYTES, .output_bytes = {name_}_OUTPUT_BYTES, {pool}
        .tensor_align = {tensor_align},
        .workspace_bytes = {name_}_WORKSPACE_BYTES, .workspace_align = {name_}_WORKSPACE_ALIGN,
    }},"""

POOL = (
    ".pool_bytes = {0}_POOL_BYTES, .input_offset = {0}_INPUT_OFFSET, "
    ".output_offset = {0}_OUTPUT_OFFSET,"
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the layers are compiled with beside the core's flags, and what the image is linked with.

    The linker's own options are written as the toolchain's link command takes them. With
    ``layers_in_unit`` so many layers are one translation unit.
    """

    compile: tuple[str, ...] = LAYER_OPTIMIZATION
    link: tuple[str, ...] = ()
    layers_in_unit: int = 0


def run(
    folder: Path, jobs: Sequence[Job], bench: Bench, options: Options | None = None
) -> list[dict[str, np.ndarray]]:
    """Return the outputs ``[N, OH, OW, OC]`` of each job by the variant's label.

    The layers' names must differ. AssertionError where a compiler complains, or a layer faults,
    writes outside its buffers or changes its input.
    """
    options = options or Options()
    sources = write(folder, jobs)
    if options.layers_in_unit:
        sources = units(folder, sources, options.layers_in_unit)
    elf = _link(folder, _compile(folder, sources, bench, options), bench, options)
    inputs = b"".join(job.inputs.tobytes() for job, _ in _in_order(jobs))
    (folder / "input.bin").write_bytes(inputs)
    assert bench.emulator is not None
    command = [*bench.emulator.command, f"./{elf}"]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S)
    found = _read(folder / "output.bin", jobs)
    assert ended.returncode == 0, f"status {ended.returncode}: {ended.stderr}"
    return found


def write(folder: Path, jobs: Sequence[Job]) -> list[str]:
    """Write the files of all layers to *folder*; return those to compile."""
    sources = []
    for job, variant in _in_order(jobs):
        for name, text in layer_files(variant.plan, job.target, variant.pool).items():
            (folder / name).write_text(text)
            if name.endswith(".c"):
                sources.append(name)
    entries = [_entry(job, variant) for job, variant in _in_order(jobs)]
    names = [variant.plan.layer.name for _, variant in _in_order(jobs)]
    includes = "\n".join(f'#include "{name}.h"' for name in names)
    (folder / "table.c").write_text(TABLE.format(includes=includes, layers="".join(entries)))
    return sources


def units(folder: Path, sources: Sequence[str], layers: int) -> list[str]:
    """Write sources that include those of *layers* layers each; return their names."""
    names = []
    for first in range(0, len(sources), 2 * layers):
        names.append(f"unit_{first}.c")
        lines = [f'#include "{source}"\n' for source in sources[first : first + 2 * layers]]
        (folder / names[-1]).write_text("".join(lines))
    return names


def _in_order(jobs: Sequence[Job]) -> Iterator[tuple[Job, Variant]]:
    return ((job, variant) for job in jobs for variant in job.chosen)


def _entry(job: Job, variant: Variant) -> str:
    plan, layer = variant.plan, variant.plan.layer
    prefix = layer.name.upper()
    return LAYER.format(
        name=layer.name,
        name_=prefix,
        init=f"(batch_entry *){layer.name}_init" if plan.has_init else "NULL",
        inputs=len(job.inputs),
        keeps_input="false" if variant.pool else "true",
        pool=POOL.format(prefix) if variant.pool else "",
        tensor_align=layer.elem_bytes,
    )


def _compile(
    folder: Path, sources: Sequence[str], bench: Bench, options: Options
) -> tuple[str, ...]:
    """Return the objects of the layers, the firmware and what calls the layers."""
    built = bench.toolchain
    nothing = Call(name="batch", sources=(), input_bytes=0, output_bytes=0)
    firmware = toolchain.compile_objects(folder, nothing, bench.machine, built).firmware
    for name in ("batch.c", "batch.h"):
        shutil.copyfile(HERE / name, folder / name)
    command = [*built.compile, *built.language, *built.target_flags]
    include = ["-idirafter", toolchain.FIRMWARE]
    checked([*command, *options.compile, *include, "-c", *sources], folder)
    sizes = [f"-DBATCH_ARENA_BYTES={ARENA_BYTES}", f"-DBATCH_INPUT_BYTES={INPUT_BYTES}"]
    own = [*built.firmware_optimization, *sizes, f"-I{toolchain.FIRMWARE}"]
    checked([*command, *own, "-c", "batch.c", "table.c"], folder)
    objects = [Path(source).stem + ".o" for source in (*sources, "batch.c", "table.c")]
    return (*objects, *(path for path in firmware if Path(path).stem != "harness"))


def _link(folder: Path, objects: Sequence[str], bench: Bench, options: Options) -> str:
    built, machine = bench.toolchain, bench.machine
    layout = Layout(zones=(), arena_bytes=ARENA_BYTES, align=64, static_bytes=0)
    (folder / "batch.ld").write_text(harness.linker_script(layout, machine, ()))
    command = (
        *built.link, *(built.bare if machine.memory else built.hosted), *options.link,
        *objects, *built.libraries, *built.linker_option("-T", "batch.ld"), "-o", "batch.elf",
    )  # fmt: skip
    checked(command, folder)
    return "batch.elf"


def checked(command: Sequence[str], folder: Path) -> None:
    """Run *command* in *folder*; AssertionError with what it says if it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"


def _read(path: Path, jobs: Sequence[Job]) -> list[dict[str, np.ndarray]]:
    """Return the outputs of all records; AssertionError names the layer of one that is bad."""
    raw, at = path.read_bytes() if path.exists() else b"", 0
    found: list[dict[str, np.ndarray]] = []
    for job in jobs:
        found.append({})
        g, size = job.layer.geometry, job.layer.output_bytes
        for variant in job.chosen:
            outputs = []
            for _ in job.inputs:
                record = raw[at : at + 1 + size]
                label = f"{variant.plan.layer.name} {variant.label}: {g}"
                assert len(record) == 1 + size, f"{label}: faulted or did not return"
                assert record[0] == 0, f"{label}: {VERDICTS[record[0]]}"
                outputs.append(np.frombuffer(record[1:], job.layer.dtype))
                at += 1 + size
            shape = (len(job.inputs), g.out_h, g.out_w, g.out_c)
            found[-1][variant.label] = np.stack(outputs).reshape(shape)
    return found
