"""Compile and link the layer with the test firmware: the only module that runs a compiler.

Everything runs in the folder of the generated files with relative names, so that objects, map
and ELF are the same wherever that folder is.
"""

from __future__ import annotations

import functools
import os
import shlex
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from tempfile import TemporaryDirectory

from convgen import __version__
from convgen.bench.build import compilers, harness
from convgen.bench.build.compilers import RUNTIME, RUNTIME_SOURCE, Toolchain
from convgen.bench.build.layout import Call, Layout
from convgen.errors import BuildError, ProgramFailedError, ToolError
from convgen.resources import data_dir
from convgen.system import cache, process
from convgen.system.cache import Files
from convgen.system.process import Command, run_tool
from convgen.system.publishing import VERIFY
from convgen.targets.target import Machine, Target

ELF = b"\x7fELF"
FIRMWARE = f"{VERIFY}/firmware"

ENVIRONMENT = ("CPATH", "C_INCLUDE_PATH", "GCC_EXEC_PREFIX", "COMPILER_PATH", "LIBRARY_PATH")
"""What compilers look at beside their options."""

NO_WARNINGS = "-w"  # nobody would see them where all goes well, and elsewhere they hide the error
OBJECTS = (
    "-ffunction-sections", "-fdata-sections", "-fno-asynchronous-unwind-tables", "-g",
    "-fstack-usage",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Objects:
    """Compiled, not yet linked: paths relative to ``folder``.

    ``shared`` are the firmware's, which all candidates have: seldom read, so not there yet.
    """

    folder: Path
    layer: tuple[str, ...]
    firmware: tuple[str, ...]
    shared: Files = ()

    def complete(self) -> None:
        """Put the firmware's there."""
        _put(self.folder, self.shared)

    def digest(self, path: str) -> str | None:
        """Return what stands for the content of one of the files, None if there is none."""
        if known := _digests(self.shared).get(path):
            return known
        found = self.folder / path
        return cache.digest(found.read_bytes()) if found.exists() else None


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
    return replace(chosen, version=f"{chosen.name} {version}", programs=_programs(chosen))


def _programs(chosen: Toolchain) -> tuple[tuple[str, int, int], ...]:
    """Return where its programs are, and the size and time that tell each from another version."""
    found = (shutil.which(command[0]) for command in (chosen.compile, chosen.link))
    stats = ((program, Path(program).stat()) for program in found if program)
    return tuple((program, stat.st_size, stat.st_mtime_ns) for program, stat in stats)


@functools.cache
def _version(command: Command, install: str) -> str:
    return process.version(command, install=install)


def compile_objects(folder: Path, call: Call, machine: Machine, toolchain: Toolchain) -> Objects:
    """Compile the layer's sources in *folder*, and the firmware for *machine*.

    BuildError if only the layer's do not compile.
    """
    layer = {source: f"{VERIFY}/{Path(source).stem}.o" for source in call.sources}
    _copy_firmware(folder, harness.HEADERS)
    compilations = [
        _Compilation(
            folder=folder,
            source=source,
            output=output,
            options=toolchain.optimization,
            toolchain=toolchain,
        )
        for source, output in layer.items()
    ]
    jobs = [partial(_compile_layer, each) for each in compilations if not each.recall()]
    made = partial(firmware_of, machine, toolchain)
    firmware = process.beside(jobs, made) if jobs else made()
    objects = tuple(path for path, _ in firmware if path.endswith(".o"))
    return Objects(folder=folder, layer=tuple(layer.values()), firmware=objects, shared=firmware)


@functools.lru_cache(maxsize=1)
def _digests(files: Files) -> Mapping[str, str]:
    """Return what stands for each of *files*: of the firmware, which all candidates share."""
    return {path: cache.digest(content) for path, content in files}


def firmware_of(machine: Machine, toolchain: Toolchain) -> Files:
    """Return the firmware for *machine*, compiled once: it serves all that are built there."""
    defines = tuple(f"-D{name}={value}" for name, value in sorted(machine.defines.items()))
    return _firmware(_sources(machine), defines, toolchain)


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
    _Compilation(
        folder=folder,
        source=source,
        output=layer_call,
        options=_firmware_options(toolchain),
        toolchain=toolchain,
    ).do()
    option, parts = toolchain.linker_option, (*objects.layer, *objects.firmware, layer_call)
    command = (
        *toolchain.link, *(toolchain.bare if machine.memory else toolchain.hosted),
        *parts, *toolchain.libraries,
        *option("-T", f"{stem}.ld"), *option("-Map", f"{stem}.map"),
        *option("--build-id=none"), "-o", f"{stem}.elf",
    )  # fmt: skip
    if machine.memory:
        texts = [(part, objects.digest(part)) for part in parts]
        name = cache.key("image", command, texts, script, _made_by(toolchain))
        _put(folder, cache.files(name, lambda: _linked(command, objects, toolchain, stem)))
    else:  # what a C library has beside those may change
        _linked(command, objects, toolchain, stem)
    elf = folder / f"{stem}.elf"
    elf.chmod(elf.stat().st_mode | stat.S_IXUSR)
    return Image(call=call, layout=layout, objects=objects, elf=elf)


def _linked(command: Command, objects: Objects, toolchain: Toolchain, stem: str) -> Files:
    objects.complete()
    with _blaming_the_layer():
        _build(command, objects.folder, toolchain)
    return _read(objects.folder, (f"{stem}.elf", f"{stem}.map"))


@contextmanager
def _blaming_the_layer() -> Iterator[None]:
    """Turn what a working compiler or linker refuses into a BuildError."""
    try:
        yield
    except ProgramFailedError as error:
        raise BuildError(str(error)) from None


def finish(folder: Path, machine: Machine) -> None:
    """Leave what users get: the sources of the firmware, and no object files and stack usage."""
    _copy_firmware(folder, _sources(machine))
    for suffix in ("o", "su"):
        for path in (folder / VERIFY).rglob(f"*.{suffix}"):
            path.unlink()


def disassemble(image: Image, toolchain: Toolchain) -> str:
    """Return what objdump prints of *image*."""
    return run_tool([*toolchain.disassemble, str(image.elf)], install=toolchain.install)


def _sources(machine: Machine) -> tuple[str, ...]:
    return (*machine.firmware, *harness.ALWAYS)


def _copy_firmware(folder: Path, names: tuple[str, ...]) -> None:
    (folder / FIRMWARE).mkdir(parents=True, exist_ok=True)
    for name in names:
        text = (data_dir("firmware") / name).read_text(encoding="utf-8")
        if name not in harness.HEADERS:
            text = harness.guarded(name, text)
        (folder / FIRMWARE / name).write_text(text, encoding="utf-8", newline="\n")


@functools.cache
def _firmware(names: tuple[str, ...], defines: tuple[str, ...], toolchain: Toolchain) -> Files:
    """Return each object and stack usage file."""
    sources = [
        (name, (data_dir("firmware") / name).read_bytes()) for name in (*names, *harness.HEADERS)
    ]
    return cache.files(
        cache.key("firmware", sources, _made_by(toolchain, defines)),
        lambda: _compiled_firmware(names, defines, toolchain),
    )


def _made_by(toolchain: Toolchain, options: tuple[str, ...] = ()) -> tuple[object, ...]:
    """Return all that decides what *toolchain* makes of the same files."""
    return (
        __version__,
        toolchain,
        _compiler(options, toolchain),
        [(name, os.environ.get(name)) for name in ENVIRONMENT],
    )


def _put(folder: Path, files: Files) -> None:
    for path, content in files:
        (folder / path).write_bytes(content)


def _read(folder: Path, paths: Iterable[str]) -> Files:
    """Return those of *paths* in *folder* that there are."""
    return tuple((path, (folder / path).read_bytes()) for path in paths if (folder / path).exists())


def _firmware_options(toolchain: Toolchain) -> tuple[str, ...]:
    return (*toolchain.firmware_optimization, f"-D{harness.GUARD}")


def _compiled_firmware(
    names: tuple[str, ...], defines: tuple[str, ...], toolchain: Toolchain
) -> Files:
    options = (*_firmware_options(toolchain), *defines)
    sources = {f"{FIRMWARE}/{name}": f"{FIRMWARE}/{Path(name).stem}.o" for name in names}
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _copy_firmware(folder, (*names, *harness.HEADERS))
        jobs = [
            partial(_run_compiler, folder, source, output, options, toolchain)
            for source, output in sources.items()
        ]
        runtime = process.beside(jobs, partial(_runtime, folder / FIRMWARE, toolchain))
        paths = [path for output in sources.values() for path in _outputs(output)]
        return _read(folder, (*paths, *runtime))


def _outputs(output: str) -> tuple[str, str]:
    """Return the object *output* and its stack usage, which of assembly there is none."""
    return output, Path(output).with_suffix(".su").as_posix()


def _runtime(folder: Path, toolchain: Toolchain) -> tuple[str, ...]:
    """Build the functions for what the core has no instructions for, where they are missing."""
    if not toolchain.runtime:
        return ()
    (folder / RUNTIME_SOURCE).write_text("", encoding="utf-8", newline="\n")
    for command in toolchain.runtime:
        run_tool(command, install=toolchain.install, cwd=folder)
    return (f"{FIRMWARE}/{RUNTIME}",)


@dataclass(frozen=True, kw_only=True)
class _Compilation:
    """A source to be made an object, both relative to ``folder``."""

    folder: Path
    source: str
    output: str
    options: tuple[str, ...]
    toolchain: Toolchain

    @cached_property
    def name(self) -> str:
        """What the object is called in the cache."""
        folder = self.folder
        headers = sorted(path for place in (".", FIRMWARE) for path in (folder / place).glob("*.h"))
        read = (folder / self.source, *headers)
        texts = [(path.name, cache.digest(path.read_bytes())) for path in read]
        made_by = _made_by(self.toolchain, self.options)
        return cache.key("object", self.source, self.output, texts, made_by)

    def recall(self) -> bool:
        """Put the object there if it was made before; return whether it was."""
        found = cache.kept_files(self.name)
        _put(self.folder, found or ())
        return found is not None

    def do(self) -> None:
        """Put the object there: as it was made before, else compiled now. Raises ToolError."""
        _put(self.folder, cache.files(self.name, self._made))

    def _made(self) -> Files:
        _run_compiler(self.folder, self.source, self.output, self.options, self.toolchain)
        return _read(self.folder, _outputs(self.output))


def _compile_layer(compilation: _Compilation) -> None:
    with _blaming_the_layer():
        compilation.do()


def _run_compiler(
    folder: Path, source: str, output: str, options: tuple[str, ...], toolchain: Toolchain
) -> None:
    places = {
        str(folder.resolve()): ".",
        process.HERE: ".",
        **dict.fromkeys(toolchain.places, "headers"),
    }
    _build(
        (
            *_compiler(options, toolchain),
            *(f"-fdebug-prefix-map={place}={known}" for place, known in places.items()),
            "-c", source, "-o", output,
        ),
        folder,
        toolchain,
    )  # fmt: skip


def _compiler(options: tuple[str, ...], toolchain: Toolchain) -> Command:
    """Return the command without its source, and without what it says of places."""
    return (
        *toolchain.compile, *toolchain.language, NO_WARNINGS, *OBJECTS, *options,
        *toolchain.target_flags,
        # string.h for compilers that have none. A source finds what is "quoted" beside it, so the
        # layer's own folder need not be searched: its header may be called as a system's is.
        "-idirafter", FIRMWARE,
    )  # fmt: skip


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
