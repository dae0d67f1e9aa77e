"""The compilers convgen can use, and all in which one differs from the other.

A `Toolchain` is only data, the beginnings of command lines: toolchain.py runs them.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from convgen import extras
from convgen.choices import TOOLCHAINS
from convgen.errors import ToolError, UsageError
from convgen.system.process import Command
from convgen.targets.target import Target

LAYER_OPTIMIZATION = ("-O3",)
SMALL = ("-Os",)
# memcpy of four bytes must be a load: the layer is not compiled as freestanding, or that is undone.
_C99 = ("-std=c99", "-fno-common", "-fno-stack-protector")


@dataclass(frozen=True, kw_only=True, slots=True)
class Toolchain:
    """A compiler and what belongs to it; ``target_flags`` are the core's.

    ``language`` is for every source, ``optimization`` for generated ones, ``firmware_optimization``
    for the harness, which holds memcpy itself: its loop must not become a call of memcpy. An option
    of the linker is passed behind ``linker_prefix``, its words apart or, with a prefix, by commas;
    ``bare`` is for images without an operating system's loader, ``hosted`` for others.
    ``disassemble`` is objdump, else capstone reads the code. ``runtime`` are the commands that make
    ``RUNTIME`` of an empty ``RUNTIME_SOURCE``: the functions for what the core has no instructions
    for, where the linker does not find them by itself. ``places`` are folders that debug
    information must not name. ``programs`` tell a compiler from others of the same version.
    """

    name: str
    ask_version: Command
    version: str = ""
    install: str
    compile: Command
    language: tuple[str, ...]
    firmware_optimization: tuple[str, ...]
    target_flags: tuple[str, ...]
    optimization: tuple[str, ...] = LAYER_OPTIMIZATION
    places: tuple[str, ...] = ()
    link: Command
    linker_prefix: str = ""
    bare: tuple[str, ...]
    hosted: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    disassemble: Command = ()
    runtime: tuple[Command, ...] = ()
    programs: tuple[tuple[str, int, int], ...] = ()

    @property
    def flags(self) -> tuple[str, ...]:
        """What decides the layer's code: for the report, and to build it the same elsewhere."""
        return (*self.optimization, *self.target_flags)

    def linker_option(self, *words: str) -> tuple[str, ...]:
        """Return *words* as the link command takes them."""
        prefix = self.linker_prefix
        return (f"{prefix}{','.join(words)}",) if prefix else words


RUNTIME_SOURCE = "runtime.S"
RUNTIME = "compiler_rt.o"


def choose(which: str, target: Target) -> Toolchain:
    """Return the toolchain *which* for *target*; ToolError if there is none on this computer.

    ``auto`` is the GNU compiler where it is installed, else Zig's. Raises UsageError.
    """
    if which not in TOOLCHAINS:
        raise UsageError(f"unknown toolchain {which!r}; known: {', '.join(TOOLCHAINS)}")
    if which == "zig":
        return _zig(target)
    gcc = target.toolchain.gcc
    if which == "gcc" or target.toolchain.zig is None or shutil.which(f"{gcc.prefix}gcc"):
        return _gcc(target)
    if _zig_program() is None:
        raise ToolError(
            f"no compiler for {target.name}: there is neither {gcc.prefix}gcc nor ziglang\n"
            f"  to install the one: apt-get install {gcc.package}\n"
            f"  to install the other: {extras.INSTALL}"
        )
    return _zig(target)


def _gcc(target: Target) -> Toolchain:
    gcc = target.toolchain.gcc
    compiler = f"{gcc.prefix}gcc"
    return Toolchain(
        name=Path(compiler).name,
        ask_version=(shutil.which(compiler) or compiler, "-dumpfullversion"),
        install=f"apt-get install {gcc.package}",
        compile=(compiler,),
        # -ffreestanding: the cross compilers come without a C library, and so without its
        # stdint.h. -fbuiltin gives back the meaning of memcpy, which that takes.
        language=(*_C99, "-ffreestanding", "-fbuiltin"),
        firmware_optimization=("-O2", "-fno-tree-loop-distribute-patterns"),
        target_flags=gcc.flags,
        link=(compiler, *(gcc.runtime or gcc.flags)),
        linker_prefix="-Wl,",
        bare=("-nostdlib", "-static"),
        hosted=("-no-pie", "-Wl,-z,now"),
        libraries=("-lgcc",),
        disassemble=(f"{gcc.prefix}objdump", "-d", "--no-show-raw-insn"),
    )


def _zig(target: Target) -> Toolchain:
    """Describe Zig's clang and lld, called as themselves: ``zig cc`` adds options of its own."""
    zig = target.toolchain.zig
    if zig is None:
        raise UsageError(f"--toolchain zig cannot build for {target.name}, but gcc can")
    program = _zig_program()
    if program is None:
        raise ToolError(f"ziglang is not installed\n  to install it: {extras.INSTALL}")
    headers = str(program.parent / "lib" / "include")
    library = (
        str(program), "build-lib", "--name", "runtime", RUNTIME_SOURCE, "-fcompiler-rt",
        "-fno-ubsan-rt", "-fstrip", "-O", "ReleaseFast", *zig.runtime,
    )  # fmt: skip
    return Toolchain(
        name="zig clang",
        ask_version=(str(program), "clang", "-dumpversion"),
        install=extras.INSTALL,
        compile=(str(program), "clang"),
        # GCC's -std=c99 has the -ffp-contract=off in it.
        language=(*_C99, "-ffp-contract=off", "-nostdinc", "-isystem", headers),
        firmware_optimization=("-O2", "-ffreestanding"),
        target_flags=zig.flags,
        places=(headers,),
        link=(str(program), "ld.lld"),
        bare=("-static", "--gc-sections", "--no-rosegment"),
        runtime=(library, (str(program), "ar", "x", "libruntime.a", RUNTIME)),
    )


def _zig_program() -> Path | None:
    """Return the program inside the package ziglang: starting it by Python takes longer."""
    folder = extras.folder("ziglang")
    program = shutil.which("zig", path=folder) if folder else None
    return Path(program) if program else None
