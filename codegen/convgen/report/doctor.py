"""Which tools are installed, what each serves, and how to get those that are not."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from convgen import extras, printable
from convgen.errors import ToolError
from convgen.report.page import Part, Styled, TextTable
from convgen.system import process
from convgen.targets import target
from convgen.targets.target import Target

COMPILER, EMULATOR, OTHER = "compiler", "emulator", "other"
CAPSTONE = "--toolchain zig, --cycles, --profile"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A program or Python package. ``path`` None: not found; ``targets`` that it serves."""

    name: str
    is_package: bool = False
    kind: str
    option: str
    targets: tuple[str, ...]
    get: str
    path: str | None = None
    version: str = ""


def examine() -> list[Tool]:
    """Look for every tool that the targets name, and for what single options need."""
    boards = [target.load(name) for name in target.names()]
    return list(map(_looked_for, [*tools(boards), *_others()]))


def _others() -> Iterator[Tool]:
    """Yield what serves any target."""
    from convgen.bench.run import debugger

    yield _package("capstone", OTHER, CAPSTONE)
    yield _package("onnx", OTHER, "models in .onnx files", get=extras.ONNX)
    yield _package("onnxruntime", OTHER, "the report on .onnx files", get=extras.ONNX_RUNTIME)
    yield _package("pygdbmi", OTHER, "--emulator gdb", get=extras.BOARD)
    yield Tool(
        name=debugger.GDB, kind=OTHER, option="--emulator gdb", targets=(), get=debugger.INSTALL
    )
    yield _package("shtab", OTHER, "--completion", get=extras.COMPLETION)


def tools(boards: Iterable[Target]) -> list[Tool]:
    """Return the tools that *boards* name, compilers first, each once for each option."""
    found: dict[tuple[str, str], Tool] = {}
    for named in sorted(_named(boards), key=lambda tool: (tool.kind, tool.option, tool.name)):
        known = found.get((named.name, named.option))
        targets = (*known.targets, *named.targets) if known else named.targets
        found[named.name, named.option] = replace(named, targets=targets)
    return list(found.values())


def _named(boards: Iterable[Target]) -> Iterable[Tool]:
    for board in boards:
        gcc = board.toolchain.gcc
        yield _program(f"{gcc.prefix}gcc", gcc.package, COMPILER, "--toolchain gcc", board)
        if board.toolchain.zig:
            yield _package("ziglang", COMPILER, "--toolchain zig", board)
        for kind, emulation in board.emulator.items():
            machine, option = emulation.machine, f"--emulator {kind}"
            if emulation.model:
                yield _package("unicorn", EMULATOR, option, board)
            elif machine.program:
                name = machine.program.replace("{host}", platform.machine())
                yield _program(name, machine.package, EMULATOR, option, board)


def _program(name: str, package: str, kind: str, option: str, board: Target) -> Tool:
    return Tool(
        name=name,
        kind=kind,
        option=option,
        targets=(board.name,),
        get=f"apt-get install {package}",
    )


def _package(name: str, kind: str, option: str, *boards: Target, get: str = extras.INSTALL) -> Tool:
    targets = tuple(board.name for board in boards)
    return Tool(name=name, is_package=True, kind=kind, option=option, targets=targets, get=get)


def _looked_for(tool: Tool) -> Tool:
    if tool.is_package:
        return _found_package(tool)
    path = shutil.which(tool.name)
    return replace(tool, path=path, version=_version(tool) if path else "")


def _version(tool: Tool) -> str:
    """Return the version that a program tells; what it says instead if it does not run."""
    asks = "-dumpfullversion" if tool.kind == COMPILER else "--version"
    try:
        return process.version([tool.name, asks], install=tool.get)
    except ToolError as error:
        return printable.word(str(error).splitlines()[0], printable.LINE)


def _found_package(tool: Tool) -> Tool:
    folder = extras.folder(tool.name)
    if folder is None:
        return tool
    try:
        version = importlib.metadata.version(tool.name)
    except importlib.metadata.PackageNotFoundError:  # it came with a package of another name
        version = ""
    return replace(tool, path=str(folder), version=version)


def without(tools: Sequence[Tool], kind: str) -> list[str]:
    """Return the targets that have no tool of that kind."""
    named = {name: tool for tool in tools if tool.kind == kind for name in tool.targets}
    served = {name for tool in tools if tool.kind == kind and tool.path for name in tool.targets}
    return sorted(named.keys() - served)


def parts(tools: Sequence[Tool]) -> Iterator[Part]:
    """Yield the table for people, and sentences on what cannot be done."""
    shown = TextTable()
    for column in ("tool", "version", "where", "serves"):
        shown.add_column(column)
    for tool in tools:
        where = tool.path or Styled(f"not found: {tool.get}", "yellow")
        serves = f"{tool.option}: {', '.join(tool.targets)}" if tool.targets else tool.option
        shown.add_row(tool.name, tool.version, where, serves)
    yield shown
    yield from _sentences(tools)


def _sentences(tools: Sequence[Tool]) -> list[str]:
    lacks = {kind: without(tools, kind) for kind in (COMPILER, EMULATOR)}
    if not any(lacks.values()):
        return ["Every target has a compiler and an emulator."]
    return [f"No {kind} for: {', '.join(names)}" for kind, names in lacks.items() if names]
