"""What debuggers are told of the stack of assembly, against the stack at every instruction."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest
from elftools.dwarf.callframe import FDE
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

import batch
import emulated
import minimal
from cases import CASES
from convgen.bench.proof.vectors import make_inputs
from convgen.bench.run import cores, emulator, in_process
from convgen.targets import target
from convgen.targets.target import CpuModel
from native import Job, Variant
from planned import planned
from test_linking import jobs

pytestmark = pytest.mark.emulator

BOARDS = ("cortex-m0", "cortex-m3", "cortex-m4", "rv32imc")
LINK = {True: 14, False: 1}
"""The register with the return address, of Arm and of RISC-V."""
D8, PUSHED = 264, 36
"""The number of d8 in DWARF, and how many bytes Thumb-2 code has saved before it."""
KEPT = {True: tuple(range(4, 12)), False: (8, 9, *range(18, 28))}


@dataclass
class Frames:
    """A function in assembly: its unwinding rows, and what held where it was entered."""

    start: int
    end: int
    rows: list[dict[Any, Any]]
    entry: dict[int, int] = field(default_factory=dict)
    stack: int = 0
    seen: set[int] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)


def frames(elf: Path, names: tuple[str, ...]) -> dict[str, Frames]:
    """Return the layers' functions in assembly, which are hidden, with their rows."""
    with elf.open("rb") as file:
        opened = ELFFile(file)
        assert opened.get_section_by_name(".eh_frame") is None
        entries = opened.get_dwarf_info().CFI_entries() or ()
        rows = {e["initial_location"]: e.get_decoded().table for e in entries if isinstance(e, FDE)}
        table = cast(SymbolTableSection, opened.get_section_by_name(".symtab"))
        return {
            symbol.name: Frames(
                start=(start := symbol["st_value"] & ~1),
                end=start + symbol["st_size"],
                rows=rows[start],
            )
            for symbol in table.iter_symbols()
            if symbol["st_other"]["visibility"] == "STV_HIDDEN" and symbol.name.startswith(names)
        }


def register(core: cores.BareCore, number: int, *, is_thumb: bool) -> int:
    names = {13: "SP", 14: "LR"} if is_thumb else {}
    return core.read(names.get(number, f"R{number}" if is_thumb else f"X{number}"))


def look(core: cores.BareCore, at: int, function: Frames, *, is_thumb: bool) -> None:
    """Compare what the row for the address *at* says with what held on entry."""
    numbers = (*KEPT[is_thumb], LINK[is_thumb])
    if at == function.start:
        function.entry = {n: register(core, n, is_thumb=is_thumb) for n in numbers}
        function.stack = core.read("SP")
    if at in function.seen:
        return
    function.seen.add(at)
    row = function.rows[bisect_right([row["pc"] for row in function.rows], at) - 1]
    cfa = register(core, row["cfa"].reg, is_thumb=is_thumb) + row["cfa"].offset
    if cfa != function.stack:
        function.wrong.append(f"{at:#x}: frame at {cfa:#x}, not {function.stack:#x}")
    for number, value in function.entry.items():
        rule = row.get(number)
        if rule is None or rule.type in ("SAME_VALUE", "UNDEFINED"):
            found = register(core, number, is_thumb=is_thumb)
        elif rule.type == "REGISTER":
            found = register(core, rule.arg, is_thumb=is_thumb)
        else:
            found = int.from_bytes(core.engine.mem_read(cfa + rule.arg, 4), "little")
        if found != value:
            function.wrong.append(f"{at:#x}: register {number} is {found:#x}, not {value:#x}")


@pytest.mark.parametrize(
    ("name", "compiler"), [*((name, "gcc") for name in BOARDS), ("cortex-m4", "zig")]
)
def test_every_instruction_of_assembly_can_be_unwound(
    name: str, compiler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("unicorn")
    board = target.load(name)
    bench = replace(
        emulated.bench(name, compiler=compiler), emulator=emulator.choose("unicorn", board)
    )
    built = batch.build(tmp_path, jobs(board), bench, batch.Options(compile=("-O1", "-g")))
    functions = frames(built.image.elf, tuple(job.layer.name for job in built.jobs))
    assert len(functions) > 10

    def watched(model: CpuModel) -> cores.BareCore:
        core = cores.BareCore(model)
        for function in functions.values():
            core.engine.hook_add(
                core.unicorn.UC_HOOK_CODE,
                lambda _engine, at, _size, of: look(core, at, of, is_thumb=board.cpu.is_thumb),
                user_data=function,
                begin=function.start,
                end=function.end - 1,
            )
        return core

    monkeypatch.setattr(in_process, "BareCore", watched)
    batch.execute(built)
    for function_name, function in functions.items():
        assert function.seen, f"{function_name} was not called"
        assert function.wrong == [], function_name


def test_vectors_of_helium_are_found_while_they_are_saved(tmp_path: Path) -> None:
    board, layer = target.load("cortex-m55"), minimal.load(CASES["depthwise"])
    variant = Variant(plan=planned("direct_quads", layer, board), pool=None)
    job = Job(chosen=[variant], target=board, inputs=make_inputs(layer, seed=0))
    options = batch.Options(compile=("-O1", "-g"))
    built = batch.build(tmp_path, [job], emulated.bench(board.name), options)
    saving = {
        name: function.rows
        for name, function in frames(built.image.elf, (layer.name,)).items()
        if any(D8 in row for row in function.rows)
    }
    assert saving
    for rows in saving.values():
        saved = [row for row in rows if row["cfa"].offset >= PUSHED + 64]
        places = [{n: row[n].arg for n in range(D8, D8 + 8) if n in row} for row in saved]
        assert places == [{D8 + i: 8 * i - 64 - PUSHED for i in range(8)}] * len(saved)
        assert D8 not in rows[-1]
