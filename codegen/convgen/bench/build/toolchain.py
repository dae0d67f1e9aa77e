"""Compile and link the layer with the test firmware: the only module that runs a compiler.

Everything runs in the folder of the generated files with relative names, so that objects, map
and ELF are the same wherever that folder is.
"""

from __future__ import annotations

import functools
import json
import shlex
import shutil
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from convgen import __version__
from convgen.bench.build import compilers, harness
from convgen.bench.build.compilers import LAYER_OPTIMIZATION, RUNTIME, RUNTIME_SOURCE, Toolchain
from convgen.bench.build.layout import Call, Layout
from convgen.errors import BuildError, ProgramFailedError, ToolError
from convgen.resources import data_dir
from convgen.system import cache, process
from convgen.system.process import Command, run_tool
from convgen.system.publishing import VERIFY
from convgen.targets.target import Machine, Target

_Files = tuple[tuple[str, bytes], ...]
ELF = b"\x7fELF"
FIRMWARE = f"{VERIFY}/firmware"

NO_WARNINGS = "-w"  # nobody would see them where all goes well, and elsewhere they hide the error
OBJECTS = (
    "-ffunction-sections", "-fdata-sections", "-fno-asynchronous-unwind-tables", "-g",
    "-fstack-usage",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Objects:
    """Compiled, not yet linked: paths relative to ``folder``."""

    folder: Path
    layer: tuple[str, ...]
    firmware: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """Linked, ready to run."""

    call: Call
    layout: Layout
    objects: Objects
    elf: Path


def file_names(layer: str) -> tuple[str, ...]:
    """Return every file that a build or a run of *layer* may leave for the user."""
    linked = (f"{VERIFY}/{layer}.{end}" for end in ("elf", "ld", "map"))
    sources = (path.name for path in data_dir("firmware").iterdir())
    firmware = (f"{FIRMWARE}/{name}" for name in (*sources, harness.LAYER_CALL))
    return (*linked, *firmware, *(f"{VERIFY}/{name}" for name in harness.RUN_FILES))


def find(which: str, target: Target) -> Toolchain:
    """Return the toolchain *which* (``auto`` or a name) for *target*; ToolError if missing."""
    chosen = compilers.choose(which, target)
    version = _version(chosen.ask_version, chosen.install)
    return replace(chosen, version=f"{chosen.name} {version}")


@functools.cache
def _version(command: Command, install: str) -> str:
    return process.version(command, install=install)


def compile_objects(folder: Path, call: Call, machine: Machine, toolchain: Toolchain) -> Objects:
    """Compile the layer's sources in *folder*, and the firmware for *machine*.

    BuildError if only the layer's do not compile.
    """
    layer = {source: f"{VERIFY}/{Path(source).stem}.o" for source in call.sources}
    names = (*machine.firmware, *harness.ALWAYS)
    defines = tuple(f"-D{name}={value}" for name, value in sorted(machine.defines.items()))
    _copy_firmware(folder, names)
    jobs = [
        partial(_compile_layer, folder, source, output, toolchain)
        for source, output in layer.items()
    ]
    firmware = process.beside(jobs, partial(_firmware, names, defines, toolchain))
    for path, content in firmware:
        (folder / path).write_bytes(content)
    objects = tuple(path for path, _ in firmware if path.endswith(".o"))
    return Objects(folder=folder, layer=tuple(layer.values()), firmware=objects)


def link(
    objects: Objects, call: Call, layout: Layout, machine: Machine, toolchain: Toolchain
) -> Image:
    """Link *objects* with the harness for *layout*; BuildError if they do not fit the machine."""
    folder, stem = objects.folder, f"{VERIFY}/{call.name}"
    source = f"{FIRMWARE}/{harness.LAYER_CALL}"
    layer_call = f"{FIRMWARE}/{Path(source).stem}.o"
    (folder / source).write_text(harness.layer_call(call, layout), encoding="utf-8", newline="\n")
    script = harness.linker_script(layout, machine, objects.layer)
    (folder / f"{stem}.ld").write_text(script, encoding="utf-8", newline="\n")
    _compile(folder, source, layer_call, toolchain.firmware_optimization, toolchain)
    option = toolchain.linker_option
    command = (
        *toolchain.link, *(toolchain.bare if machine.memory else toolchain.hosted),
        *objects.layer, *objects.firmware, layer_call, *toolchain.libraries,
        *option("-T", f"{stem}.ld"), *option("-Map", f"{stem}.map"),
        *option("--build-id=none"), "-o", f"{stem}.elf",
    )  # fmt: skip
    with _blaming_the_layer():
        _build(command, folder, toolchain)
    return Image(
        call=call,
        layout=layout,
        objects=objects,
        elf=folder / f"{stem}.elf",
    )


@contextmanager
def _blaming_the_layer() -> Iterator[None]:
    """Turn what a working compiler or linker refuses into a BuildError."""
    try:
        yield
    except ProgramFailedError as error:
        raise BuildError(str(error)) from None


def remove_intermediates(folder: Path) -> None:
    """Remove what only the build needed: object files and stack usage."""
    for suffix in ("o", "su"):
        for path in (folder / VERIFY).rglob(f"*.{suffix}"):
            path.unlink()


def disassemble(image: Image, toolchain: Toolchain) -> str:
    """Return what objdump prints of *image*."""
    return run_tool([*toolchain.disassemble, str(image.elf)], install=toolchain.install)


def _copied(names: tuple[str, ...]) -> tuple[str, ...]:
    return (*names, *harness.HEADERS)


def _copy_firmware(folder: Path, names: tuple[str, ...]) -> None:
    (folder / FIRMWARE).mkdir(parents=True, exist_ok=True)
    for name in _copied(names):
        shutil.copyfile(data_dir("firmware") / name, folder / FIRMWARE / name)


@functools.cache
def _firmware(names: tuple[str, ...], defines: tuple[str, ...], toolchain: Toolchain) -> _Files:
    """Return path and content of each object and stack usage file.

    They are the same for every layer: one compilation serves all that are built for a machine.
    """
    sources = [(name, (data_dir("firmware") / name).read_bytes()) for name in _copied(names)]
    name = cache.key("firmware", __version__, sources, defines, toolchain, _program(toolchain))
    kept = cache.load(name)
    if kept is not None:
        return tuple((path, b64decode(content)) for path, content in json.loads(kept))
    files = _compiled_firmware(names, defines, toolchain)
    text = json.dumps([(path, b64encode(content).decode()) for path, content in files])
    cache.store(name, text.encode())
    return files


def _program(toolchain: Toolchain) -> tuple[object, ...]:
    """Return what tells the compiler from another of the same version."""
    program = shutil.which(toolchain.compile[0])
    if program is None:
        return ()
    found = Path(program).stat()
    return program, found.st_size, found.st_mtime_ns


def _compiled_firmware(
    names: tuple[str, ...], defines: tuple[str, ...], toolchain: Toolchain
) -> _Files:
    options = (*toolchain.firmware_optimization, *defines)
    sources = {f"{FIRMWARE}/{name}": f"{FIRMWARE}/{Path(name).stem}.o" for name in names}
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _copy_firmware(folder, names)
        jobs = [
            partial(_compile, folder, source, output, options, toolchain)
            for source, output in sources.items()
        ]
        runtime = process.beside(jobs, partial(_runtime, folder / FIRMWARE, toolchain))
        paths = [
            Path(output).with_suffix(end) for output in sources.values() for end in (".o", ".su")
        ]
        return tuple(
            (path.as_posix(), (folder / path).read_bytes())
            for path in (*paths, *runtime)
            if (folder / path).exists()  # assembly has no .su
        )


def _runtime(folder: Path, toolchain: Toolchain) -> tuple[Path, ...]:
    """Build the functions for what the core has no instructions for, where they are missing."""
    if not toolchain.runtime:
        return ()
    (folder / RUNTIME_SOURCE).write_text("", encoding="utf-8", newline="\n")
    for command in toolchain.runtime:
        run_tool(command, install=toolchain.install, cwd=folder)
    return (Path(FIRMWARE) / RUNTIME,)


def _compile_layer(folder: Path, source: str, output: str, toolchain: Toolchain) -> None:
    with _blaming_the_layer():
        _compile(folder, source, output, LAYER_OPTIMIZATION, toolchain)


def _compile(
    folder: Path, source: str, output: str, options: tuple[str, ...], toolchain: Toolchain
) -> None:
    places = {
        str(folder.resolve()): ".",
        process.HERE: ".",
        **dict.fromkeys(toolchain.places, "headers"),
    }
    command = (
        *toolchain.compile, *toolchain.language, NO_WARNINGS, *OBJECTS, *options,
        *toolchain.target_flags,
        *(f"-fdebug-prefix-map={place}={known}" for place, known in places.items()),
        # string.h for compilers that have none. A source finds what is "quoted" beside it, so the
        # layer's own folder need not be searched: its header may be called as a system's is.
        "-idirafter", FIRMWARE,
        "-c", source, "-o", output,
    )  # fmt: skip
    _build(command, folder, toolchain)


def _is_elf(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(ELF)) == ELF


def _build(command: Command, folder: Path, toolchain: Toolchain) -> None:
    """Run *command*, which must make the ELF that it names last."""
    run_tool(command, install=toolchain.install, cwd=folder)
    if not _is_elf(folder / command[-1]):
        raise ToolError(
            f"{command[0]} ended with status 0, but did not make {command[-1]}, an ELF"
            f"\n  command: {shlex.join(command)}"
        )
