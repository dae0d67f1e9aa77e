"""What the test firmware is built from, and what it says when it is done."""

from __future__ import annotations

from enum import IntEnum

from convgen.bench.build.layout import Call, Layout
from convgen.sources.render import render_text
from convgen.targets.target import Machine, Region

LAYER_CALL = "layer_call.c"  # generated: the one source that knows the layer
ALWAYS = ("harness.c", "heap.c", "registers.c")  # beside what the machine asks for
RUN_FILES = ("input.bin", "output.bin", "run.txt")  # what a run reads, and what it writes
HEADERS = ("harness.h", "string.h")
GUARD = "CONVGEN_FIRMWARE"
"""The macro that the firmware is built with; without it, its sources define nothing."""


class Status(IntEnum):
    """How a run of the firmware ended; the same table as in firmware/harness.h."""

    RAN = 0
    GUARD_TOUCHED = 2
    INPUT_MODIFIED = 3
    NOT_RESTORED = 4
    STRAY = 5  # seen by an emulator that looks on
    OUTPUT_VARIES = 6
    WRONG_VALUE = 7
    FAULT = 70
    NO_FILE = 71


def guarded(name: str, text: str) -> str:
    """Return a source of the firmware for the user's folder: builds may take all sources there."""
    empty = "#else\ntypedef int convgen_no_empty_translation_unit;\n" if name.endswith(".c") else ""
    return f"#ifdef {GUARD}\n{text}{empty}#endif\n"


def layer_call(call: Call, layout: Layout) -> str:
    """Return the text of ``layer_call.c``."""
    zones = {zone.name: zone for zone in layout.zones}
    inputs, outputs = layout.tensors(call)
    given = [zones[name].start for name, _ in call.tensors]
    workspace = zones.get("workspace")
    arguments = [f"convgen_arena + {start}" for start in given]
    arguments.append(f"convgen_arena + {workspace.start}" if workspace else "NULL")
    text = render_text(
        "layer_call.c.j2",
        call=call,
        layout=layout,
        scratch=layout.scratch(call),
        arguments=arguments,
        init_arguments=[arguments[0], arguments[-1]],
        kept=layout.kept(call),
        inputs=inputs,
        outputs=outputs,
    )
    return guarded(LAYER_CALL, text)


def linker_script(layout: Layout, machine: Machine, objects: tuple[str, ...]) -> str:
    """Return the linker script; *objects* are the layer's own, as the linker is given them."""
    if machine.memory is None:
        return render_text("sections.ld.j2", objects=objects)
    memory = machine.memory
    layer = Region(origin=memory.layer.origin, bytes=layout.region_bytes)
    regions = [("VECTORS", memory.vectors)] if memory.vectors else []
    regions += [("CODE", memory.code), ("HARNESS", memory.harness), ("LAYER", layer)]
    return render_text(
        "memory.ld.j2",
        objects=objects,
        regions=regions,
        stack_bytes=memory.stack,
        vectors="VECTORS" if memory.vectors else "CODE",
    )
