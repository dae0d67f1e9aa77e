"""Many layers in one image, called one after the other by an emulator or on this computer.

An image costs a link and a start of the emulator whatever it holds, which is most of what a small
layer takes by itself. batch.c calls each layer on a stack of its own; guard zones lie around that
and every buffer, and buffers are aligned as the header promises and no better. The layers may be
built and linked with any options, and no compiler may have anything to warn of.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from convgen.bench.build import harness, toolchain
from convgen.bench.build.compilers import LAYER_OPTIMIZATION
from convgen.bench.build.layout import Call, Layout, Zone
from convgen.bench.build.toolchain import Image, Objects
from convgen.bench.code import measure
from convgen.bench.code.callgraph import CallGraph, Unbounded
from convgen.bench.code.disassembly import functions
from convgen.bench.run import in_process
from convgen.bench.trial import Bench
from convgen.model.operator import widest
from convgen.schedule.overlap import Pool
from native import TIMEOUT_S, WARNINGS, Job, Variant, checked

HERE = Path(__file__).parent
ARENA_BYTES, TENSOR_BYTES, STACK_BYTES = 2**20, 2**17, 2**13
LOOKED_FOR = ("-u", "convgen_counter_start", "-u", "convgen_counter_read")
"""What an emulator in this process wants an image to hold, and batch.c does not call."""
NO_LINES = "-g0"
"""The code is the same, and optimising compilers take up to a quarter less time."""
MOST_INSTRUCTIONS = 10**8  # of one call, where the emulator counts
VERDICTS = (
    "clean", "wrote outside its buffers", "changed its input", "did not restore a register",
    "asked for memory", "gives other outputs over other garbage",
)  # fmt: skip
RECORD = np.dtype([("verdict", "<u4"), ("stack", "<u4")])
"""What batch.c writes before the outputs of a call."""

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
        .function = (convgen_entry *){name}, .init = {init}, .vectors = {vectors},
        .keeps_input = {keeps_input}, .inputs = {inputs},
        .input_bytes = {{{input_bytes}}}, .output_bytes = {name_}_OUTPUT_BYTES, {pool}
        .tensor_align = {tensor_align},
        .workspace_bytes = {name_}_WORKSPACE_BYTES, .workspace_align = {name_}_WORKSPACE_ALIGN,
    }},"""

POOL = ".pool_bytes = {0}_POOL_BYTES, .input_offset = {{{1}}}, .output_offset = {0}_OUTPUT_OFFSET,"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the layers are compiled with beside the core's flags, and what the image is linked with.

    The linker's own options are written as the toolchain's link command takes them. With
    ``layers_in_unit`` so many layers are one translation unit, with ``constants_beside`` their
    constants too. ``measured``: variables and stack are held against what objects and compiler
    say, which they do not where layers are compiled while linking; no function is dropped.
    """

    compile: tuple[str, ...] = LAYER_OPTIMIZATION
    link: tuple[str, ...] = ()
    layers_in_unit: int = 0
    constants_beside: bool = False
    measured: bool = True


@dataclass(frozen=True, kw_only=True)
class Built:
    """Jobs in one image."""

    jobs: Sequence[Job]
    bench: Bench
    image: Image

    @property
    def folder(self) -> Path:
        """Where it is, and where it is run."""
        return self.image.objects.folder


def run(
    folder: Path, jobs: Sequence[Job], bench: Bench, options: Options | None = None
) -> list[dict[str, np.ndarray]]:
    """Return the outputs ``[N, OH, OW, OC]`` of each job by the variant's label.

    The layers' names must differ. AssertionError where a compiler complains, or a layer faults,
    writes outside its buffers, changes its input, loses a register, asks for memory, has variables
    of its own, takes more stack than its bound or reads what nobody wrote.
    """
    options = options or Options()
    built = build(folder, jobs, bench, options)
    execute(built)
    if not options.measured:
        return outputs(built, {})
    assert measure.static_bytes(built.image.objects) == 0
    return outputs(built, stack_bounds(built))


def build(folder: Path, jobs: Sequence[Job], bench: Bench, options: Options) -> Built:
    """Write, compile and link the layers of *jobs*."""
    sources = write(folder, jobs)
    if options.layers_in_unit:
        sources = units(
            folder, sources, options.layers_in_unit, constants_beside=options.constants_beside
        )
    objects = _compile(folder, sources, bench, options)
    return Built(jobs=jobs, bench=bench, image=_link(objects, bench, options))


def execute(built: Built) -> None:
    """Run *built* in its folder; AssertionError if it does not end well."""
    inputs = b"".join(job.tobytes() for job, _ in _in_order(built.jobs))
    (built.folder / "input.bin").write_bytes(inputs)
    used = built.bench.emulator
    assert used is not None
    if used.model:
        ended = in_process.run(
            used.model, built.image, most_instructions=MOST_INSTRUCTIONS, sees_unwritten=False
        )
        status, said = ended.status, ""
    else:
        done = subprocess.run(
            [*_uncounted(used.command), f"./{built.image.elf.name}"],
            cwd=built.folder, capture_output=True, text=True, timeout=TIMEOUT_S,
        )  # fmt: skip
        status, said = done.returncode, done.stderr
    if status:
        outputs(built, {})  # says which layer it was
    assert status == 0, f"status {status}: {said}"


def _uncounted(command: Sequence[str]) -> list[str]:
    """Return *command* without QEMU's exact count of instructions, which slows it by a third."""
    at = command.index("-icount") if "-icount" in command else len(command)
    return [*command[:at], *command[at + 2 :]]


def stack_bounds(built: Built) -> dict[str, int]:
    """Return the compiler's bound of each layer's stack.

    Unbounded if one has none, but for vectors of RISC-V, which clang does not count.
    """
    frames = measure.frame_bytes(built.image.objects)
    graph = CallGraph(functions(built.image, built.bench.toolchain), frames)
    bounds = {}
    for _, variant in _in_order(built.jobs):
        name = variant.plan.operator.name
        try:
            bounds[name] = graph.stack_bound(graph.find(name))
        except Unbounded:
            if not (built.bench.target.cpu.vlen and "clang" in built.bench.toolchain.name):
                raise
    return bounds


def write(folder: Path, jobs: Sequence[Job]) -> list[str]:
    """Write the files of all layers to *folder*; return those to compile."""
    sources = []
    for job, variant in _in_order(jobs):
        for name, text in variant.files(job.target).items():
            (folder / name).write_text(text)
            if name.endswith(".c"):
                sources.append(name)
    entries = [_entry(job, variant) for job, variant in _in_order(jobs)]
    names = [variant.plan.operator.name for _, variant in _in_order(jobs)]
    includes = "\n".join(f'#include "{name}.h"' for name in names)
    (folder / "table.c").write_text(TABLE.format(includes=includes, layers="".join(entries)))
    return sources


def units(
    folder: Path, sources: Sequence[str], layers: int, *, constants_beside: bool
) -> list[str]:
    """Write sources that include those of *layers* layers each; return their names.

    The constants of all are one unit, or beside the code, where the compiler sees what they are.
    """
    constants = [] if constants_beside else [s for s in sources if s.endswith("_weights.c")]
    others = [source for source in sources if source not in set(constants)]
    count = 2 * layers if constants_beside else layers
    parts = {f"unit_{i}.c": others[i : i + count] for i in range(0, len(others), count)}
    if constants:
        parts["constants.c"] = constants
    for name, included in parts.items():
        (folder / name).write_text("".join(f'#include "{source}"\n' for source in included))
    return list(parts)


def _in_order(jobs: Sequence[Job]) -> Iterator[tuple[Job, Variant]]:
    return ((job, variant) for job in jobs for variant in job.chosen)


def _entry(job: Job, variant: Variant) -> str:
    plan, operator = variant.plan, variant.plan.operator
    prefix = operator.name.upper()
    offsets = ", ".join(f"{prefix}_{t.name.upper()}_OFFSET" for t in operator.inputs)
    return LAYER.format(
        name=operator.name,
        name_=prefix,
        init=f"(convgen_entry *){operator.name}_init" if plan.has_init else "NULL",
        vectors=job.count,
        keeps_input="false" if variant.pool else "true",
        inputs=len(operator.inputs),
        input_bytes=", ".join(f"{prefix}_{t.name.upper()}_BYTES" for t in operator.inputs),
        pool=POOL.format(prefix, offsets) if variant.pool else "",
        tensor_align=widest(operator).elem_bytes,
    )


def _compile(folder: Path, sources: Sequence[str], bench: Bench, options: Options) -> Objects:
    """Return the objects of the layers, and those of the firmware and of what calls the layers."""
    built = bench.toolchain
    nothing = Call(name="batch", sources=(), inputs=(0,), outputs=(0,))
    objects = toolchain.compile_objects(folder, nothing, bench.machine, built)
    objects.complete()
    for name in ("batch.c", "batch.h"):
        shutil.copyfile(HERE / name, folder / name)
    command = [*built.compile, *built.language, *built.target_flags, NO_LINES]
    include = ["-idirafter", toolchain.FIRMWARE, "-fstack-usage"]
    checked([*command, *WARNINGS, *options.compile, *include, "-c", *sources], folder)
    sizes = {"ARENA": ARENA_BYTES, "TENSOR": TENSOR_BYTES, "STACK": STACK_BYTES}
    defines = [f"-DBATCH_{what}_BYTES={size}" for what, size in sizes.items()]
    own = [*built.firmware_optimization, *defines, f"-I{toolchain.FIRMWARE}"]
    checked([*command, *own, "-c", "batch.c", "table.c"], folder)
    return Objects(
        folder=folder,
        layer=tuple(f"{Path(source).stem}.o" for source in sources),
        firmware=(
            *(path for path in objects.firmware if Path(path).stem != "harness"),
            "batch.o", "table.o",
        ),
    )  # fmt: skip


def _link(objects: Objects, bench: Bench, options: Options) -> Image:
    """Link an image whose one call may use the whole arena: batch.c lays it out for each layer."""
    built, machine, folder = bench.toolchain, bench.machine, objects.folder
    rest = ARENA_BYTES - STACK_BYTES
    zones = (
        Zone(name="stack", start=0, bytes=STACK_BYTES),
        Zone(name="pool", start=STACK_BYTES, bytes=rest),
    )
    layout = Layout(zones=zones, arena_bytes=ARENA_BYTES, align=64, static_bytes=0)
    kept = objects.layer if options.measured else ()
    script = harness.linker_script(layout, machine, kept)
    (folder / "batch.ld").write_text(script)
    command = (
        *built.link, *(built.bare if machine.memory else built.hosted), *options.link,
        *objects.layer, *objects.firmware, *built.libraries,
        *built.linker_option("-T", "batch.ld"), *built.linker_option(*LOOKED_FOR),
        "-o", "batch.elf",
    )  # fmt: skip
    checked(command, folder)
    pool = Pool(bytes=rest, input_offset=0, output_offset=0)
    call = Call(name="main", sources=(), inputs=(rest,), outputs=(rest,), pool=pool)
    return Image(call=call, layout=layout, objects=objects, elf=folder / "batch.elf")


def outputs(built: Built, bounds: dict[str, int]) -> list[dict[str, np.ndarray]]:
    """Return the outputs of all records; AssertionError names the layer of one that is bad."""
    path = built.folder / "output.bin"
    raw, at = path.read_bytes() if path.exists() else b"", 0
    found: list[dict[str, np.ndarray]] = []
    for job in built.jobs:
        found.append({})
        (tensor,) = job.operator.outputs
        size = tensor.bytes
        for variant in job.chosen:
            name, values = variant.plan.operator.name, []
            for _ in range(job.count):
                record = raw[at : at + RECORD.itemsize + size]
                at += RECORD.itemsize + size
                label = f"{name} {variant.label}: {job.described}"
                assert len(record) == RECORD.itemsize + size, f"{label}: faulted or did not return"
                [(verdict, stack)] = np.frombuffer(record[: RECORD.itemsize], RECORD)
                assert verdict == 0, f"{label}: {VERDICTS[verdict]}"
                assert stack <= bounds.get(name, STACK_BYTES), f"{label}: {stack} bytes of stack"
                values.append(np.frombuffer(record[RECORD.itemsize :], tensor.dtype))
            found[-1][variant.label] = np.stack(values).reshape(-1, *tensor.shape)
    return found
