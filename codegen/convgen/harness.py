"""What the test firmware is built from, and what it says when it is done."""

from __future__ import annotations

from enum import IntEnum

from convgen.layout import Call, Layout
from convgen.render import render_text
from convgen.target import Machine, Region

MAIN = "harness.c"  # the one source that knows the layer
ALWAYS = ("heap.c",)  # beside what the machine asks for
SCRATCH = ("output", "pool", "workspace")  # what a call may change
HEADERS = ("harness.h", "string.h")


class Status(IntEnum):
    """How a run of the firmware ended; the same table as in firmware/harness.h."""

    RAN = 0
    GUARD_TOUCHED = 2
    INPUT_MODIFIED = 3
    FAULT = 70
    NO_FILE = 71


def config_header(call: Call, layout: Layout) -> str:
    """Return the text of ``harness_config.h``."""
    zones = {zone.name: zone for zone in layout.zones}
    if call.pool:
        input_start = zones["pool"].start + call.pool.input_offset
        output_start = zones["pool"].start + call.pool.output_offset
    else:
        input_start, output_start = zones["input"].start, zones["output"].start
    given = [zones[name].start for name, _ in call.tensors]
    workspace = zones.get("workspace")
    arguments = [f"layer_arena + {start}u" for start in given]
    arguments.append(f"layer_arena + {workspace.start}u" if workspace else "NULL")
    arguments += ["NULL"] * (3 - len(arguments))
    return render_text(
        "harness_config.h.j2",
        call=call,
        layout=layout,
        guards=[f"{{{start}u, {end}u}}" for start, end in layout.guards],
        scratch=[
            f"{{{zone.start}u, {zone.end}u}}" for zone in layout.zones if zone.name in SCRATCH
        ],
        arguments=arguments,
        input_start=input_start,
        output_start=output_start,
    )


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
        vectors="VECTORS" if memory.vectors else "CODE",
    )
