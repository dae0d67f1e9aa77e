"""Compile and link the layer with the test firmware: the only module that runs a compiler.

Everything runs in the folder of the generated files with relative names, so that objects, map
and ELF are the same wherever that folder is.
"""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from convgen import harness
from convgen.errors import UsageError
from convgen.layout import Call, Layout
from convgen.process import run_tool
from convgen.resources import data_dir
from convgen.target import Machine, Target

VERIFY = "verify"
FIRMWARE = f"{VERIFY}/firmware"
NAMES = ("auto", "gcc")

WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror")
# -ffreestanding: the cross compilers come without a C library, and so without its stdint.h.
# -fbuiltin gives back what that takes: memcpy of four bytes is a load.
LANGUAGE = ("-std=c99", "-ffreestanding", "-fbuiltin", "-fno-common", "-fno-stack-protector")
OBJECTS = (
    "-ffunction-sections", "-fdata-sections", "-fno-asynchronous-unwind-tables", "-g",
    "-fstack-usage",
)  # fmt: skip
LAYER_OPTIMIZATION = ("-O3",)
# The firmware holds memcpy itself, whose loop must not become a call of memcpy.
FIRMWARE_OPTIMIZATION = ("-O2", "-fno-tree-loop-distribute-patterns")


@dataclass(frozen=True, kw_only=True, slots=True)
class Toolchain:
    """A compiler found on this computer. ``flags`` are those of the layer that shape its code."""

    prefix: str
    package: str
    version: str
    target_flags: tuple[str, ...]

    @property
    def compiler(self) -> str:
        """The compiler's command."""
        return f"{self.prefix}gcc"

    @property
    def flags(self) -> tuple[str, ...]:
        """What decides the layer's code: for the report, and to build it the same elsewhere."""
        return (*LAYER_OPTIMIZATION, *self.target_flags)

    def run(self, *arguments: str, folder: Path) -> str:
        """Run the compiler in *folder*."""
        return run_tool([self.compiler, *arguments], package=self.package, cwd=folder)


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


def find(which: str, target: Target) -> Toolchain:
    """Return the toolchain *which* (``auto`` or ``gcc``) for *target*; ToolError if missing."""
    if which not in NAMES:
        raise UsageError(f"unknown toolchain {which!r}; known: {', '.join(NAMES)}")
    gcc = target.toolchain.gcc
    compiler = f"{gcc.prefix}gcc"
    version = _version(shutil.which(compiler) or compiler, gcc.package)
    return Toolchain(
        prefix=gcc.prefix,
        package=gcc.package,
        version=f"{compiler} {version}",
        target_flags=gcc.flags,
    )


@cache
def _version(compiler: str, package: str) -> str:
    return run_tool([compiler, "-dumpfullversion"], package=package).strip()


def compile_objects(folder: Path, call: Call, machine: Machine, toolchain: Toolchain) -> Objects:
    """Compile the layer's sources in *folder*, and the firmware for *machine*."""
    layer = {source: f"{VERIFY}/{Path(source).stem}.o" for source in call.sources}
    names = (*machine.firmware, *harness.ALWAYS)
    defines = tuple(f"-D{name}={value}" for name, value in sorted(machine.defines.items()))
    _copy_firmware(folder, names)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [
            pool.submit(_compile, folder, source, output, LAYER_OPTIMIZATION, toolchain)
            for source, output in layer.items()
        ]
        firmware = _compiled_firmware(names, defines, toolchain)
        for job in jobs:
            job.result()
    for path, content in firmware:
        (folder / path).write_bytes(content)
    objects = tuple(path for path, _ in firmware if path.endswith(".o"))
    return Objects(folder=folder, layer=tuple(layer.values()), firmware=objects)


def link(
    objects: Objects, call: Call, layout: Layout, machine: Machine, toolchain: Toolchain
) -> Image:
    """Link *objects* with the harness for *layout*; ToolError if they do not fit the machine."""
    folder, stem = objects.folder, f"{VERIFY}/{call.name}"
    source = f"{FIRMWARE}/{harness.LAYER_CALL}"
    layer_call = f"{FIRMWARE}/{Path(source).stem}.o"
    (folder / source).write_text(harness.layer_call(call, layout), encoding="utf-8")
    script = harness.linker_script(layout, machine, objects.layer)
    (folder / f"{stem}.ld").write_text(script, encoding="utf-8")
    _compile(folder, source, layer_call, FIRMWARE_OPTIMIZATION, toolchain)
    bare = ("-nostdlib", "-static") if machine.memory else ("-no-pie", "-Wl,-z,now")
    toolchain.run(
        *toolchain.target_flags, *bare, *objects.layer, *objects.firmware, layer_call,
        "-lgcc",
        f"-Wl,-T,{stem}.ld", f"-Wl,-Map,{stem}.map", "-Wl,--build-id=none",
        "-Wl,--fatal-warnings", "-o", f"{stem}.elf", folder=folder,
    )  # fmt: skip
    return Image(
        call=call,
        layout=layout,
        objects=objects,
        elf=folder / f"{stem}.elf",
    )


def remove_intermediates(folder: Path) -> None:
    """Remove what only the build needed: object files and stack usage."""
    for suffix in ("o", "su"):
        for path in (folder / VERIFY).rglob(f"*.{suffix}"):
            path.unlink()


def disassemble(image: Image, toolchain: Toolchain) -> str:
    """Return what ``objdump -d`` prints of *image*."""
    command = [f"{toolchain.prefix}objdump", "-d", "--no-show-raw-insn", str(image.elf)]
    return run_tool(command, package=toolchain.package)


def _copy_firmware(folder: Path, names: tuple[str, ...]) -> None:
    (folder / FIRMWARE).mkdir(parents=True, exist_ok=True)
    for name in (*names, *harness.HEADERS):
        shutil.copyfile(data_dir("firmware") / name, folder / FIRMWARE / name)


@cache
def _compiled_firmware(
    names: tuple[str, ...], defines: tuple[str, ...], toolchain: Toolchain
) -> tuple[tuple[str, bytes], ...]:
    """Return path and content of each object and stack usage file.

    They are the same for every layer: one compilation serves all that are built for a machine.
    """
    options = (*FIRMWARE_OPTIMIZATION, *defines)
    sources = {f"{FIRMWARE}/{name}": f"{FIRMWARE}/{Path(name).stem}.o" for name in names}
    with TemporaryDirectory() as temporary, ThreadPoolExecutor(os.cpu_count()) as pool:
        folder = Path(temporary)
        _copy_firmware(folder, names)
        jobs = [
            pool.submit(_compile, folder, source, output, options, toolchain)
            for source, output in sources.items()
        ]
        for job in jobs:
            job.result()
        paths = [
            Path(output).with_suffix(end) for output in sources.values() for end in (".o", ".su")
        ]
        return tuple(
            (path.as_posix(), (folder / path).read_bytes())
            for path in paths
            if (folder / path).exists()  # assembly has no .su
        )


def _compile(
    folder: Path, source: str, output: str, options: tuple[str, ...], toolchain: Toolchain
) -> None:
    toolchain.run(
        *LANGUAGE, *WARNINGS, *OBJECTS, *options, *toolchain.target_flags,
        f"-fdebug-prefix-map={folder.resolve()}=.",
        # string.h for compilers that have none. A source finds what is "quoted" beside it, so the
        # layer's own folder need not be searched: its header may be called as a system's is.
        "-idirafter", FIRMWARE,
        "-c", source, "-o", output, folder=folder,
    )  # fmt: skip
