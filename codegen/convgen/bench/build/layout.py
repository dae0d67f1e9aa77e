"""Where input, output, workspace and stack of a layer lie in the memory its budget allows.

One array holds the zones in this order, with a guard zone before, between and after them::

    guard  stack  guard  input  guard  output  guard  workspace  guard

A guard begins at the very next byte after a zone and absorbs the alignment of what follows, so
the zones add up to exactly the budget. The stack gets what the others leave.

Each buffer lies at a multiple of the alignment that `Call` states and never at one of twice that,
so that with an alignment of 1 tensors lie at odd addresses: nothing is aligned by luck.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from convgen.errors import MachineTooSmallError, NoFitError
from convgen.model.tensor import numbered
from convgen.schedule.overlap import Pool

GUARD_BYTES = 64
STACK_GUARD_BYTES = 256
STACK_ALIGN = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """The generated function under test: its sources, its buffers.

    ``inputs`` and ``outputs`` are the bytes of its tensors. The header is ``NAME.h`` and the
    function ``NAME(input, output, workspace)``, with each tensor where there are several, or with
    a *pool* ``NAME(pool, workspace)``; a workspace of no bytes is passed as NULL. Without a pool
    inputs must be the same after the call. With *has_init* ``NAME_init(input, workspace)`` or
    ``NAME_init(pool, workspace)`` is called once before, and the workspace is kept.
    *writes_input*: it is the same after the call, but not during it. ``state_bytes`` at the
    beginning of the pool are what ``NAME_init`` fills, and what is kept instead of a workspace.
    ``tensor_align`` is that of tensors and pool: of one element. With so many *rows* the input is
    no part of the pool: the caller hands in one after the other, ``NAME_push_row(pool, row)``
    after ``NAME_begin(pool)``, each in the same ``row_bytes`` at a multiple of ``row_align``, which
    are not counted. With the last of ``rows_used`` the output is there.
    """

    name: str
    sources: tuple[str, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    tensor_align: int = 1
    workspace_bytes: int = 0
    workspace_align: int = 1
    pool: Pool | None = None
    has_init: bool = False
    writes_input: bool = False
    state_bytes: int = 0
    rows: int = 0
    rows_used: int = 0
    row_align: int = 1

    @property
    def function(self) -> str:
        """What the harness calls for one set of inputs, or for a row."""
        return f"{self.name}_push_row" if self.rows else self.name

    @property
    def opening(self) -> str:
        """What it calls first for one set of inputs."""
        return f"{self.name}_begin" if self.rows else self.name

    @property
    def functions(self) -> tuple[str, ...]:
        """All that the harness calls."""
        return (*self.entered, f"{self.name}_init") if self.has_init else (*self.entered,)

    @property
    def entered(self) -> Mapping[str, int]:
        """How often it calls each function for one set of inputs."""
        return {self.opening: 1, self.function: self.rows} if self.rows else {self.name: 1}

    @property
    def calls(self) -> int:
        """How many calls that is."""
        return sum(self.entered.values())

    @property
    def input_names(self) -> tuple[str, ...]:
        """What its inputs are called."""
        return numbered("input", len(self.inputs))

    @property
    def output_names(self) -> tuple[str, ...]:
        """What its outputs are called."""
        return numbered("output", len(self.outputs))

    @property
    def input_bytes(self) -> int:
        """Bytes of all inputs of a call."""
        return sum(self.inputs)

    @property
    def output_bytes(self) -> int:
        """Bytes of all outputs of a call."""
        return sum(self.outputs)

    @property
    def tensors(self) -> tuple[tuple[str, int], ...]:
        """Name and bytes of each buffer beside the workspace."""
        if self.pool:
            return (("pool", self.pool.bytes), *self.handed_in)
        inputs = zip(self.input_names, self.inputs, strict=True)
        return (*inputs, *zip(self.output_names, self.outputs, strict=True))

    @property
    def row_bytes(self) -> int:
        """Bytes of each row that is handed in."""
        return self.input_bytes // self.rows

    @property
    def handed_in(self) -> tuple[tuple[str, int], ...]:
        """Name and bytes of the row that is handed in."""
        return (("input", self.row_bytes),) if self.rows else ()

    @property
    def buffer_bytes(self) -> int:
        """What the caller provides in all."""
        if self.pool:
            return self.pool.bytes + self.workspace_bytes
        return sum(size for _, size in self.tensors) + self.workspace_bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Zone:
    """Bytes ``start`` to ``end - 1`` of the array."""

    name: str
    start: int
    bytes: int

    @property
    def end(self) -> int:
        """The first byte after the zone."""
        return self.start + self.bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """The zones of one call; the first is the stack. ``static_bytes`` lie behind the array."""

    zones: tuple[Zone, ...]
    arena_bytes: int
    align: int
    static_bytes: int

    @property
    def stack(self) -> Zone:
        """The layer's stack."""
        return self.zones[0]

    @property
    def region_bytes(self) -> int:
        """What the linker may place: the budget and the guard zones, not a byte more."""
        return self.arena_bytes + self.static_bytes

    @property
    def guards(self) -> tuple[tuple[int, int], ...]:
        """First byte and byte after the last of each guard zone."""
        edges = [0, *(edge for zone in self.zones for edge in (zone.start, zone.end))]
        return tuple(zip(edges[::2], [*edges[1::2], self.arena_bytes], strict=True))

    def tensors(self, call: Call) -> tuple[tuple[Zone, ...], tuple[Zone, ...]]:
        """Return where the inputs and the outputs of *call* lie, be it in the pool."""
        zones = {zone.name: zone for zone in self.zones}
        if call.pool is None:
            return (
                tuple(zones[name] for name in call.input_names),
                tuple(zones[name] for name in call.output_names),
            )
        start, pool = zones["pool"].start, call.pool

        def within(
            names: Sequence[str], offsets: Sequence[int], sizes: Sequence[int]
        ) -> tuple[Zone, ...]:
            return tuple(
                Zone(name=name, start=start + offset, bytes=size)
                for name, offset, size in zip(names, offsets, sizes, strict=True)
            )

        given = within(call.input_names, pool.input_offsets, call.inputs)
        return (
            (zones["input"],) if call.rows else given,
            within(call.output_names, pool.output_offsets, call.outputs),
        )

    def kept(self, call: Call) -> Zone | None:
        """Return what lies as the init function of *call* or the last call left it."""
        if not call.has_init:
            return None
        zones = {zone.name: zone for zone in self.zones}
        if not call.state_bytes:
            return zones["workspace"]
        return Zone(name="state", start=zones["pool"].start, bytes=call.state_bytes)

    def scratch(self, call: Call) -> tuple[Zone, ...]:
        """Return what *call* may change and need not find as it left it."""
        kept = self.kept(call)
        names = (*call.output_names, "pool", "workspace")
        zones = [zone for zone in self.zones if zone.name in names and zone != kept]
        if not call.state_bytes:
            return tuple(zones)
        return tuple(
            replace(zone, start=zone.start + call.state_bytes, bytes=zone.bytes - call.state_bytes)
            for zone in zones
        )

    def zone_at(self, offset: int) -> Zone | None:
        """Return the zone that holds the byte *offset* of the array."""
        return next((zone for zone in self.zones if zone.start <= offset < zone.end), None)

    def damage(self, first: int, last: int, did: str = "wrote") -> str:
        """Say in words what it means that guard bytes *first* to *last* have changed.

        Or were "read", if the emulator sees what a layer *did*.
        """
        before = next((zone for zone in reversed(self.zones) if zone.end <= first), self.stack)
        after = next((zone for zone in self.zones if zone.start > last), None)
        if after is self.stack:
            return f"stack overflow: the stack is {after.bytes} bytes"
        nearer_after = after is not None and after.start - 1 - last < first - before.end
        if after is not None and (before is self.stack or nearer_after):
            return f"{did} before the start of {after.name}: byte at -{after.start - last}"
        return f"{did} past the end of {before.name}: first byte at +{first - before.start}"


def arrange(
    call: Call, *, budget: int, static_bytes: int, machine_bytes: int, cut: bool = False
) -> Layout:
    """Lay out *call* in *budget* bytes; the machine has *machine_bytes*, guards included.

    *cut*: where those are fewer the stack is, while there is one left. NoFitError if the buffers
    need more than the budget, MachineTooSmallError if that is too much for the machine.
    """
    stack_bytes = budget - static_bytes - call.buffer_bytes
    if stack_bytes < 0:
        raise NoFitError(
            f"{call.name} needs {budget - stack_bytes} bytes of RAM and a stack; "
            f"the budget of {budget} is {-stack_bytes} short"
        )
    layout = _arrange(call, stack_bytes, static_bytes)
    over = _align_up(max(0, layout.region_bytes - machine_bytes), layout.align)
    if cut and over < stack_bytes:
        layout = _arrange(call, stack_bytes - over, static_bytes)
    if layout.region_bytes > machine_bytes:
        behind_stack = layout.region_bytes - layout.stack.end
        largest_end = _align_down(machine_bytes - behind_stack, layout.align)
        largest = budget + largest_end - STACK_GUARD_BYTES - stack_bytes
        raise MachineTooSmallError(
            f"a budget of {budget} bytes is more than the emulated machine has; "
            f"the largest for this layer is {largest}"
        )
    return layout


def _arrange(call: Call, stack_bytes: int, static_bytes: int) -> Layout:
    aligns = dict.fromkeys(dict(call.handed_in), call.row_align)
    sizes = [(name, size, aligns.get(name, call.tensor_align)) for name, size in call.tensors]
    if call.workspace_bytes:
        sizes.append(("workspace", call.workspace_bytes, call.workspace_align))
    whole = max(STACK_ALIGN, *(2 * align for _, _, align in sizes))
    # The stack's end is what must be aligned, not its start.
    stack_end = _align_up(STACK_GUARD_BYTES + stack_bytes, whole)
    zones = [Zone(name="stack", start=stack_end - stack_bytes, bytes=stack_bytes)]
    for name, size, align in sizes:
        start = _align_no_better(zones[-1].end + GUARD_BYTES, align)
        zones.append(Zone(name=name, start=start, bytes=size))
    return Layout(
        zones=tuple(zones),
        arena_bytes=_align_up(zones[-1].end + GUARD_BYTES, whole),
        align=whole,
        static_bytes=static_bytes,
    )


def _align_up(value: int, align: int) -> int:
    return -(-value // align) * align


def _align_down(value: int, align: int) -> int:
    return value // align * align


def _align_no_better(value: int, align: int) -> int:
    """Return the first number from *value* on that *align* divides and twice *align* does not."""
    return _align_up(value - align, 2 * align) + align
