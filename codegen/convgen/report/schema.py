"""The types of ``report.json``, as its JSON Schema has them; more keys may be there."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from convgen.choices import Ends, Feed, Goal, Reference

Bytes = Annotated[int, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Absent: Any = None
"""What a key has that may be left out; where it is there it is of its type."""


class _Part(BaseModel):
    model_config = ConfigDict(strict=True)


class Emulator(_Part):
    """What ran it."""

    kind: str
    machine: str = Absent
    version: str = Absent
    notes: list[str] = Absent


class Toolchain(_Part):
    """What built it."""

    compiler: str
    flags: list[str]


class Budget(_Part):
    """What may be used."""

    ram: Bytes
    flash: Bytes


class Flash(_Part):
    """What it takes of flash."""

    code: Bytes
    constants: Bytes
    total: Bytes
    library: Bytes | None


class _Memory(_Part):
    stack: Bytes | None
    stack_bound: Bytes | None
    heap: Bytes | None
    static: Bytes
    total: Bytes


class LayerMemory(_Memory):
    """What a layer takes of RAM: ``pool`` in place of input and output with ``--overlap``."""

    input: Bytes = Absent
    output: Bytes = Absent
    pool: Bytes = Absent
    workspace: Bytes


class ModelMemory(_Memory):
    """What a model takes of RAM."""

    arena: Bytes
    state: Bytes


class Pool(_Part):
    """Where input and output lie."""

    bytes: Bytes
    input_offset: Bytes
    output_offset: Bytes
    instead_of: Bytes


class Coverage(_Part):
    """How much of each channel's rounding the inputs tried."""

    made_up: bool
    channels: Count
    tried: Count
    constant: Count


class Disagreement(_Part):
    """How the expected outputs differ from those of the spec."""

    sentence: str
    code_is_right: bool
    cause: Literal["rounding", "data", "unknown"]
    explanations: list[str]
    differing: Count
    max_abs_error: float | None


class Measured(_Part):
    """What a candidate took."""

    instructions: Count | None
    stack: Bytes | None
    flash_code: Bytes
    flash_constants: Bytes
    verified: bool
    cycles_estimated: Count = Absent


class Candidate(_Part):
    """An algorithm that can do the layer."""

    algorithm: str
    applicable: Literal[True]
    fits: bool
    pool: Bytes = Absent
    workspace: Bytes
    ram: Bytes
    flash: Bytes
    flash_constants: Bytes
    predicted_instructions: Count
    measured: Measured = Absent
    pareto: bool = Absent
    failure: str = Absent
    disagrees: bool = Absent
    builds: Literal[False] = Absent
    asks: str = Absent
    notes: list[str] = Absent
    not_measured: str = Absent


class Rejected(_Part):
    """An algorithm that cannot."""

    algorithm: str
    applicable: Literal[False]
    reason: str


class Plan(_Part):
    """A plan of a model that was run."""

    feed: Feed
    stages: Count
    applicable: Literal[True]
    ram: Bytes
    arena: Bytes
    flash: Bytes
    flash_constants: Bytes
    predicted_instructions: Count
    measured: Measured = Absent
    fits: bool
    chosen: bool
    pareto: bool


class NoPlan(_Part):
    """Why there are no plans for a way to feed the input."""

    feed: Feed
    applicable: Literal[False]
    reason: str


class _Counted(_Part):
    instructions: Count
    share: Share


class Instruction(_Counted):
    """One of a function in assembly."""

    address: Count
    text: str


class Function(_Counted):
    """A function that was executed."""

    name: str
    assembly: list[Instruction] = Absent


class Line(_Counted):
    """A line of the generated C."""

    file: str
    line: Count


class Profile(_Part):
    """What takes the instructions."""

    functions: list[Function]
    lines: list[Line]


class Failed(_Part):
    """The report where a tool is missing or failed; it is printed and not kept."""

    convgen: str
    target: str
    verified: Literal[False]
    failure: str


class File(_Part):
    """A file beside the report that has no line to tell whether it has been changed."""

    name: str
    sha256: str


class _Report(_Part):
    convgen: str
    target: str
    optimize: Goal
    verified: bool
    vectors: Count
    compared_with: str | None
    mismatches: Count | None
    max_abs_error: float | None
    max_allowed_error: float | None
    failure: str | None
    scope: str | None
    macs: Count
    instructions: Count | None
    instructions_per_mac: float | None
    cycles_estimated: Count = Absent
    cycles_model: str = Absent
    cycles_measured: Count | None = Absent
    flash: Flash | None
    budget: Budget
    warnings: list[str]
    advice: list[str]
    profile: Profile = Absent
    emulator: Emulator
    toolchain: Toolchain | None
    files: list[File] = Absent
    sha256_of_the_other_lines: str = Absent


class Layer(_Report):
    """The report on a layer. What is null of the choice is so where nothing fits."""

    layer: str
    dtype: Literal["int8", "int16", "float32"]
    algorithm: str | None
    synthetic_weights: bool
    coverage: Coverage = Absent
    disagreement: Disagreement = Absent
    output_elements: Count
    asks: str = Absent
    init_instructions: Count = Absent
    notes: list[str]
    memory: LayerMemory | None
    pool: Pool = Absent
    candidates: list[Candidate | Rejected]


class Operator(_Part):
    """One of a model, as it was planned."""

    index: Count | None
    kind: str
    name: str
    algorithm: str
    stage: Count
    macs: Count
    instructions: Count | None
    predicted_instructions: Count
    workspace: Bytes
    flash_constants: Bytes
    notes: list[str]


class Stage(_Part):
    """Operators that go row by row together: their numbers in the list, and their RAM."""

    first: Count
    last: Count
    bytes: Bytes


class Place(_Part):
    """What lies where in the arena, and from which operator to which."""

    what: str
    offset: Bytes
    bytes: Bytes
    first: int
    last: int


class Output(_Part):
    """How far an output is from what it should be."""

    name: str
    mismatches: Count
    max_abs_error: float | None
    max_allowed_error: float | None


class OnnxRuntime(_Part):
    """How outputs compare with those of ONNX Runtime."""

    version: str
    outputs: Count
    differ: Count
    max_quanta: Count | None
    max_abs_error: float | None


class Difference(_Part):
    """Where outputs first differ: ``index`` is the place in the tensor."""

    operator: Count
    name: str
    tensor: str
    vector: Count
    index: list[Count]
    got: float
    expected: float


class Saved(_Part):
    """What a pass of rewriting saved."""

    name: str
    operators: int
    macs: int
    parameters: int


class Unfused(_Part):
    """What the same algorithms take one operator after the other."""

    instructions: Count | None
    ratio: float | None
    predicted_instructions: Count
    predicted_ratio: float


class Model(_Report):
    """The report on a model. What is null of the choice is so where no plan fits."""

    model: str
    first_difference: Difference = Absent
    outputs: list[Output]
    onnxruntime: OnnxRuntime | None = Absent
    without_onnxruntime: str = Absent
    memory: ModelMemory | None
    operators: list[Operator]
    instructions_between: int | None = Absent
    stages: list[Stage]
    peak: Count = Absent
    feed: Feed = Absent
    places: list[Place]
    passes: list[Saved] = Absent
    unfused: Unfused | None = Absent
    candidates: list[Plan | NoPlan]
    io: Ends
    reference: Reference


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of ``report.json`` and of what ``--format json`` prints."""
    types: TypeAdapter[Any] = TypeAdapter(Layer | Model | Failed)
    schema = _cleaned(types.json_schema())
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "report.json of convgen",
        **schema,
    }


def _cleaned(schema: Any) -> Any:
    """Return *schema* without the defaults of what may be left out, and generated titles."""
    if isinstance(schema, list):
        return [_cleaned(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    is_field = "type" in schema or "anyOf" in schema or "$ref" in schema or "const" in schema
    left_out = {"default", "title"} if is_field else set()
    return {key: _cleaned(value) for key, value in schema.items() if key not in left_out}
