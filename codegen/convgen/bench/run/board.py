"""The machine that is a chip on a desk, behind a GDB server: where an image goes, what counts."""

from __future__ import annotations

from collections.abc import Sequence

from convgen.errors import UsageError
from convgen.targets.target import ChipRegion, Machine, MachineMemory, Region, Target, largest

PORT, SEMIHOSTING = "debugger.c", "semihosting.c"
NO_COUNTER = "counter_none.c"
COUNTERS = {"dwt": "counter_dwt.c", "mcycle": "counter_minstret.c", None: NO_COUNTER}
HARNESS_SHARE = 4  # of the RAM, at most HARNESS_BYTES
HARNESS_BYTES = 8192
STACK_SHARE = 2  # of what the harness has
ALIGN = 64
SMALL_FIRMWARE = {"HEAP_BYTES": 64, "CHUNK_BYTES": 64}


def machine(target: Target) -> Machine:
    """Return where *target*'s image goes, and the firmware that asks a debugger for its files.

    Of a chip that is its own memory; of a core, that of the board that an emulator has of it.
    UsageError if it is no board at all.
    """
    emulated = target.preferred_machine
    if emulated.memory is None:
        raise UsageError(f"{target.name} is no board: a GDB server runs what has a chip or a core")
    start = emulated.firmware[0]
    trampoline = next(name for name in emulated.firmware if name.startswith("trampoline"))
    memory = emulated.memory
    defines: dict[str, int] = {}
    if target.is_chip:
        memory = _memory(target)
        defines = {"CONVGEN_ON_BOARD": 1, **SMALL_FIRMWARE}
        if target.memory.counter == "mcycle":
            defines["CONVGEN_COUNTS_CYCLES"] = 1
    counter = COUNTERS[target.memory.counter]
    return Machine(
        description=f"{target.name}, behind a GDB server",
        machine=target.name,
        firmware=(start, PORT, trampoline, counter, "memory.c"),
        defines=defines,
        memory=memory,
        on_desk=True,
    )


def _memory(chip: Target) -> MachineMemory:
    """Return where code, the harness and the layer lie in a *chip*'s memory.

    The layer's memory begins where the largest stretch of RAM does, so that a stack that overflows
    leaves it; the harness is at its end. Flash that a boot loader must set up is left alone: code
    then goes to the RAM between them.
    """
    regions = chip.memory.regions
    ram = largest(regions, "ram")
    flash = largest([region for region in regions if not region.external], "flash")
    if ram is None:
        raise UsageError(f"{chip.name}: expected a region of RAM for what runs on it")
    harness_bytes = min(HARNESS_BYTES, ram.bytes // HARNESS_SHARE) // ALIGN * ALIGN
    harness = Region(origin=ram.origin + ram.bytes - harness_bytes, bytes=harness_bytes)
    layer_bytes = ram.bytes - harness_bytes
    if flash is None:
        layer_bytes = layer_bytes // 2 // ALIGN * ALIGN
        flash = _code_in(regions, Region(origin=ram.origin + layer_bytes, bytes=layer_bytes))
    return MachineMemory(
        code=flash,
        harness=harness,
        layer=Region(origin=ram.origin, bytes=layer_bytes),
        stack=harness_bytes // STACK_SHARE,
    )


def _code_in(regions: Sequence[ChipRegion], place: Region) -> Region:
    """Return *place* as instructions are fetched from it."""
    for region in regions:
        if region.fetched_at is not None and 0 <= place.origin - region.origin < region.bytes:
            return Region(
                origin=region.fetched_at + place.origin - region.origin, bytes=place.bytes
            )
    return place
