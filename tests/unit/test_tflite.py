"""Files in TensorFlow Lite's format: what is read from them, and how the rest is refused."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

import random_models
import tflite_files
from convgen.errors import SpecError
from convgen.formats.tflite import reader, tables
from convgen.formats.tflite.reader import Imported
from tflite_files import File

DAMAGED = 400
SEEDS = [
    random_models.draw(kind, number, dtype)[0]
    for kind in random_models.DRAWERS
    for number in range(2)
    for dtype in ("int8", "float32")
]


def load(content: bytes) -> Imported:
    return reader.imported(tables.parse(content), "model")


def refused(content: bytes) -> str:
    with pytest.raises(SpecError) as caught:
        load(content)
    return str(caught.value)


# --- what is read -------------------------------------------------------------------------------


def test_shapes_that_a_model_computes_are_known_beforehand() -> None:
    """RESHAPE to a shape from SHAPE, STRIDED_SLICE and PACK, as Keras's Reshape writes it."""
    file = File()
    given = file.input((1, 4, 6), "int8", (0.1, 0))
    shape = file.tensor((3,), "int32")
    file.operator("SHAPE", [given], [shape], outType=schema.TensorType.INT32)
    batch = file.tensor((), "int32")
    ends = [file.integers([value]) for value in (0, 1, 1)]
    file.operator("STRIDED_SLICE", [shape, *ends], [batch], shrinkAxisMask=1)
    packed = file.tensor((3,), "int32")
    file.operator("PACK", [batch, file.integers(8), file.integers(3)], [packed], valuesCount=3)
    seen = file.tensor((1, 8, 3), "int8", (0.1, 0))
    file.operator("RESHAPE", [given, packed], [seen])
    output = file.tensor((1, 3, 8), "int8", (0.1, 0))
    file.operator("TRANSPOSE", [seen, file.integers([0, 2, 1])], [output])
    file.graph.outputs = [output]
    model = load(file.bytes())
    [operator] = model.graph.operators
    assert operator.kind == "transpose"
    assert [entry.operators != () for entry in model.entries] == [False] * 4 + [True]
    assert model.numbers[operator.name] == 4
    inputs = np.arange(48, dtype=np.int8).reshape(2, 4, 6)
    [right] = tflite_files.litert(file.bytes(), inputs)
    assert np.array_equal(model.graph.compute(inputs)[0], right.reshape(2, 3, 8))


def test_a_bias_of_one_axis_may_name_another() -> None:
    """Old files say quantised dimension 3 of a bias, which LiteRT refuses."""
    content, inputs = random_models.draw("CONV_2D", 0, "int8")
    made = schema.ModelT.InitFromPackedBuf(content, 0)
    bias = made.subgraphs[0].tensors[made.subgraphs[0].operators[0].inputs[2]]
    bias.quantization.quantizedDimension = 3
    [old], [new] = (load(each).graph.compute(inputs[0][:, 0]) for each in (packed(made), content))
    assert np.array_equal(old, new)


def test_state_is_kept_from_call_to_call() -> None:
    content = streaming()
    graph = load(content).graph
    [state] = graph.states
    assert (state.initial == 7).all()
    inputs = np.random.default_rng(0).integers(-128, 128, (6, 2, 3), np.int8)
    [right] = tflite_files.litert(content, inputs)
    assert np.array_equal(graph.compute(inputs)[0], right.reshape(6, 4, 3))
    assert np.array_equal(graph.compute(inputs[:2])[0], right[:2].reshape(2, 4, 3))


def streaming() -> bytes:
    """The last two rows of the calls before, 7 at first, in front of two new ones."""
    q = (0.5, 0)
    file = File()
    given = file.input((1, 2, 3), "int8", q)
    file.operator("CALL_ONCE", [], [], initSubgraphIndex=1)
    handle = file.tensor((), "resource")
    file.operator("VAR_HANDLE", [], [handle], sharedName=b"rows", container=b"")
    old, both = file.tensor((1, 2, 3), "int8", q), file.tensor((1, 4, 3), "int8", q)
    file.operator("READ_VARIABLE", [handle], [old])
    file.operator("CONCATENATION", [old, given], [both], axis=1)
    new = file.tensor((1, 2, 3), "int8", q)
    sizes = [file.integers([0, 2, 0]), file.integers([1, 2, 3])]
    file.operator("SLICE", [both, *sizes], [new])
    file.operator("ASSIGN_VARIABLE", [handle, new], [])
    file.graph.outputs = [both]
    other = File(made=file.made)
    there = other.tensor((), "resource")
    value = other.tensor((1, 2, 3), "int8", q, np.full((1, 2, 3), 7, np.int8))
    other.operator("VAR_HANDLE", [], [there], sharedName=b"rows", container=b"")
    other.operator("ASSIGN_VARIABLE", [there, value], [])
    return file.bytes()


def test_tensors_of_one_name_and_none_stay_apart() -> None:
    content, inputs = random_models.draw("SPLIT", 3, "int8")
    made = schema.ModelT.InitFromPackedBuf(content, 0)
    for name in (b"same", b"", b"\xff\x00*/"):
        for tensor in made.subgraphs[0].tensors:
            tensor.name = name
        graph = load(packed(made)).graph
        assert len({operator.name for operator in graph.operators}) == len(graph.operators)
        assert all(operator.name.isidentifier() for operator in graph.operators)
        found = graph.compute(inputs[0][:, 0])
        right = tflite_files.litert(content, *inputs)
        assert all(np.array_equal(a, b[:, 0]) for a, b in zip(found, right, strict=True))


# --- what is refused ----------------------------------------------------------------------------


def packed(made: Any) -> bytes:
    builder = flatbuffers.Builder(1024)
    builder.Finish(made.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def test_all_operators_that_are_not_supported_are_listed_at_once() -> None:
    file = File()
    given = file.input((1, 4, 4, 2), "int8", (0.1, 0))
    middle = [file.tensor((1, 4, 4, 2), "int8", (0.1, 0)) for _ in range(3)]
    file.operator("SIN", [given], [middle[0]])
    file.operator("RELU", [middle[0]], [middle[1]])
    file.operator("SQUARE", [middle[1]], [middle[2]])
    output = file.tensor((1, 4, 4, 2), "int8", (0.1, 0))
    file.operator("SOFTMAX", [middle[2]], [output], beta=1.0)
    file.graph.outputs = [output]
    lines = refused(file.bytes()).splitlines()
    assert lines == [
        "operator 0, SIN 't1': not supported: no such operator here",
        "operator 2, SQUARE 't3': not supported: no such operator here",
        "operator 3, SOFTMAX 't4': not supported: "
        "an output whose scale is not 1/256 and zero point -128",
    ]


def changed(change: Callable[[Any], None]) -> bytes:
    content, _ = random_models.draw("CONV_2D", 1, "int8")
    made = schema.ModelT.InitFromPackedBuf(content, 0)
    change(made)
    return packed(made)


def reads_itself(made: Any) -> None:
    [operator] = made.subgraphs[0].operators
    operator.inputs = [operator.outputs[0], *operator.inputs[1:]]


def gigabytes(made: Any) -> None:
    made.subgraphs[0].tensors[0].shape = [1, 2**15, 2**15, 2]


def shorter(made: Any) -> None:
    weights = made.subgraphs[0].operators[0].inputs[1]
    buffer = made.buffers[made.subgraphs[0].tensors[weights].buffer]
    buffer.data = buffer.data[:-1]


def no_such_buffer(made: Any) -> None:
    made.subgraphs[0].tensors[0].buffer = 99


def no_such_tensor(made: Any) -> None:
    [operator] = made.subgraphs[0].operators
    operator.inputs = [*operator.inputs[:2], 77]


def no_such_code(made: Any) -> None:
    made.subgraphs[0].operators[0].opcodeIndex = 5


def empty_axis(made: Any) -> None:
    made.subgraphs[0].tensors[0].shape = [1, 3, 0, 2]


def infinite_scale(made: Any) -> None:
    made.subgraphs[0].tensors[0].quantization.scale = np.array([np.inf], np.float32)


def no_operator(made: Any) -> None:
    made.subgraphs[0].operators = []


WRONG: dict[Callable[[Any], None], str] = {
    reads_itself: "operator 0: expected inputs that are constants or that an operator before it "
    "writes, got tensor 3 of int8",
    gigabytes: "tensor 0: expected at most 67,108,864 bytes, got 2,147,483,648",
    shorter: "expected 36 bytes for int8",
    no_such_buffer: "tensor 0: expected one of 3 buffers, got 99",
    no_such_tensor: "operator 0: expected tensors from 0 to 3, got 77",
    no_such_code: "operator 0: expected one of 1 operator codes, got 5",
    empty_axis: "tensor 0: expected sizes of at least 1",
    infinite_scale: "tensor 0: expected scales that are finite and not negative",
    no_operator: "the model's outputs: expected what an operator writes, got tensor 3",
}


@pytest.mark.parametrize("change", WRONG, ids=lambda change: change.__name__)
def test_what_makes_no_sense_is_refused_by_a_sentence(change: Callable[[Any], None]) -> None:
    message = refused(changed(change))
    assert WRONG[change].partition(" bytes for")[0].split(" 36")[0] in message
    assert "\n" not in message


def test_files_of_another_kind_are_refused() -> None:
    assert refused(b"PK\x03\x04 something else") == (
        'expected a .tflite file, with "TFL3" at byte 4'
    )
    assert refused(b"") == refused(b"TFL3")
    nowhere = b"\xff\xff\xff\x7fTFL3" + bytes(64)
    assert "offsets lead nowhere" in refused(nowhere)


def test_a_file_may_be_missing_or_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.tflite"
    with pytest.raises(SpecError, match="cannot read the model"):
        reader.load(path, "model")
    path.write_bytes(bytes(100))
    monkeypatch.setattr(reader, "MAX_FILE_BYTES", 99)
    with pytest.raises(SpecError, match="longer than 99 bytes"):
        reader.load(path, "model")


def test_names_as_long_as_the_file_are_not_copied() -> None:
    made = schema.ModelT.InitFromPackedBuf(SEEDS[0], 0)
    made.subgraphs[0].tensors[0].name = b"x" * 2000
    assert "names of at most 1000 bytes, got one of 2,000" in refused(packed(made))


@pytest.mark.parametrize("damage", ["bytes", "fields"])
def test_damaged_files_are_read_or_refused(damage: str) -> None:
    taken = 0
    start = time.process_time()
    for number in range(DAMAGED):
        rng = random.Random(f"{damage} {number}")  # noqa: S311 - the same each time
        content = damaged(rng.choice(SEEDS), rng, damage)
        said = message(content)
        assert said is None or 0 < len(said) < 5000
        taken += said is None
    assert 0 < taken < DAMAGED
    assert time.process_time() - start < DAMAGED / 20


def message(content: bytes) -> str | None:
    try:
        load(content)
    except SpecError as error:
        return str(error)
    return None


def damaged(content: bytes, rng: random.Random, damage: str) -> bytes:
    if damage == "bytes":
        found = bytearray(content)
        for _ in range(rng.choice([1, 2, 8])):
            at = rng.randrange(len(found) - 4)
            size = rng.choice([1, 4])
            found[at : at + size] = rng.choice(
                [rng.randbytes(size), b"\xff" * size, b"\x00" * size, b""]
            )
        return bytes(found)
    made = schema.ModelT.InitFromPackedBuf(content, 0)
    for _ in range(rng.choice([1, 2])):
        damage_fields(made.subgraphs[0], rng)
    return packed(made)


NUMBERS = (0, 1, 2, 3, 5, 8, 127, 128, 65535, 2**20, 2**30, 2**31 - 1)


def damage_fields(graph: Any, rng: random.Random) -> None:
    tensor, operator = rng.choice(graph.tensors), rng.choice(graph.operators)
    shape, inputs = list(tensor.shape), list(operator.inputs)
    pick = rng.randrange(6)
    if pick == 0 and shape:
        shape[rng.randrange(len(shape))] = rng.choice(NUMBERS)
    elif pick == 1 and shape:
        shape.pop()
    elif pick == 2:
        tensor.type = rng.randrange(19)
    elif pick == 3 and inputs:
        inputs[rng.randrange(len(inputs))] = rng.randrange(-1, len(graph.tensors))
    elif pick == 4 and inputs:
        inputs.pop()
    elif operator.builtinOptions is not None:
        options = vars(operator.builtinOptions)
        fields = [name for name, value in options.items() if type(value) is int]
        if fields:
            setattr(operator.builtinOptions, rng.choice(fields), rng.choice(NUMBERS) % 128)
    tensor.shape, operator.inputs = shape, inputs
