"""What a layer lacks is said: by the refusals of algorithms, and by notes of those that are slower.

The notes stand in the report, in the summary and in the header.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minimal
from command import convgen, generated, write_spec
from convgen.model.ops.conv2d import Conv2d
from convgen.schedule import select
from convgen.targets import target

POINTWISE = minimal.made_up(kernel_size=1, padding="valid")
GROUPED = minimal.made_up(groups=2)
WEIGHTS = np.random.default_rng(3).integers(-127, 128, (8, 1, 1, 4)).tolist()


def with_weight(least: int) -> dict[str, Any]:
    weights = json.loads(json.dumps(WEIGHTS))
    weights[3][0][0][2] = least
    return POINTWISE | {
        "input": {"shape": [4, 4, 4], "dtype": "int8", "scale": 0.02, "zero_point": -1},
        "output": {"scale": 0.1, "zero_point": 3},
        "weights": {"values": weights, "scale": 0.01},
    }


@pytest.mark.parametrize("board", ["cortex-m0", "cortex-m3", "rv32imc"])
@pytest.mark.usefixtures("workplace")
def test_one_weight_of_minus_128_is_told(board: str) -> None:
    write_spec(with_weight(-128))
    options = ("-t", board, "--algorithm", "direct", "--emulator", "none", "layer.json")
    report = generated(*options)
    note = (
        "Plain C: the kernel in assembly, for weights of 16 bits each, needs weights from -127 on; "
        "this layer has -128 in output channel 3."
    )
    assert report["notes"] == [note]
    printed = convgen(*options).stdout.splitlines()
    assert note in printed
    assert printed.index(note) > next(i for i, row in enumerate(printed) if "flash in all" in row)
    header = Path("convgen-out/stem/stem.h").read_text().partition("*/")[0]
    assert note in " ".join(header.replace("*", " ").split())
    write_spec(with_weight(-127))
    assert generated(*options, "--algorithm", "direct_w16")["notes"] == []


@pytest.mark.emulator
@pytest.mark.parametrize("board", ["cortex-m0", "cortex-m3", "rv32imc"])
@pytest.mark.usefixtures("workplace")
def test_it_is_told_whatever_the_default_chooses(board: str) -> None:
    write_spec(with_weight(-128))
    reason = "needs weights from -127 on; this layer has -128 in output channel 3."
    assert any(note.endswith(reason) for note in generated("-t", board, "layer.json")["notes"])


def test_a_core_whose_other_weights_do_it_says_so() -> None:
    notes = notes_of(minimal.load(with_weight(-128)), "cortex-m4")
    reason = "needs weights from -127 on; this layer has -128 in output channel 3"
    other = "with weights of 16 bits each in flash there is one"
    assert notes["direct"] == (f"Plain C: the kernel in assembly {reason}; {other}.",)
    assert notes["direct_w16"] == ()


@pytest.mark.parametrize(
    ("fields", "board", "algorithm", "note"),
    [
        (GROUPED, "cortex-m4", "direct",
         "Plain C: the kernel in assembly needs 1 group; this layer has 2."),
        (GROUPED, "cortex-m4", "winograd_2x2_t1",
         "Plain C: multiplying two channels at once needs 1 group; this layer has 2."),
        (GROUPED, "cortex-m4", "mec_ring",
         "Plain C: this algorithm has no kernel in assembly; that of others needs 1 group; "
         "this layer has 2."),
        (minimal.made_up(), "cortex-m4", "mec_ring",
         "Plain C: this algorithm has no kernel in assembly."),
        (POINTWISE | {"out_channels": 3}, "cortex-m4", "im2col_full",
         "Plain C: the kernel in assembly needs at least 4 output channels; this layer has 3."),
        (minimal.made_up(input={"shape": [6, 5, 3], "dtype": "int8"}), "cortex-m4",
         "winograd_2x2_t1", "Pixels are read byte by byte: reading words needs a multiple of 4 "
         "input channels; this layer has 3."),
        (minimal.made_up(kernel_size=7, input={"shape": [9, 9, 3], "dtype": "int8"}), "cortex-m4",
         "direct", "Plain C: the kernel in assembly needs for pixels at the edge at most 32 taps, "
         "or a patch of at most 76 elements; this layer has 49 taps of 3 channels."),
        (minimal.made_up(
            input={"shape": [1, 257, 32], "dtype": "int8"}, kernel_size=1, stride=[1, 128]
         ), "cortex-m4", "direct", "One pixel at a time: the kernel in assembly needs pixels at "
         "most 4,095 bytes apart; this layer has some 4,097 apart."),
        (minimal.made_up(groups=4, kernel_size=5, out_channels=4), "rv32imc", "direct",
         "direct_planes needs a 3x3 kernel; this layer has 5x5."),
    ],
)  # fmt: skip
def test_what_a_faster_kernel_needs_is_told(
    fields: dict[str, Any], board: str, algorithm: str, note: str
) -> None:
    assert note in notes_of(minimal.load(fields), board)[algorithm]


def test_sums_that_are_too_far_apart_are_told() -> None:
    deep = minimal.load(
        minimal.made_up(input={"shape": [1, 1, 2048], "dtype": "int8"}, kernel_size=1)
    )
    loud = replace(deep, weights=np.full_like(deep.weights, 127))
    (note,) = notes_of(loud, "cortex-m4")["direct"]
    found = re.fullmatch(
        "Plain C: the kernel in assembly needs sums that differ by at most 16,777,215; this layer "
        "has sums from (-[0-9,]+) to ([0-9,]+) in output channel 0; with weights of 16 bits each "
        "in flash there is one.", note
    )  # fmt: skip
    assert found
    low, high = (int(end.replace(",", "")) for end in found.groups())
    assert (low, high) == tuple(int(end[0]) for end in loud.accumulator_range)


@pytest.mark.parametrize("channels", [13, 22, 27])
@pytest.mark.parametrize("board", ["cortex-m4", "cortex-m0", "rv32imc"])
def test_any_number_of_channels_is_summed_in_assembly(board: str, channels: int) -> None:
    shape = [6, 6, channels]
    layer = minimal.load(minimal.made_up(input={"shape": shape, "dtype": "int8"}))
    assert notes_of(layer, board)["direct_w16"] == ()


@pytest.mark.parametrize("board", ["host", "rv64imac"])
def test_a_core_without_kernels_in_assembly_has_nothing_to_tell(board: str) -> None:
    for notes in notes_of(minimal.load(GROUPED), board).values():
        assert not [note for note in notes if "assembly" in note]


def notes_of(layer: Conv2d, board: str) -> dict[str, tuple[str, ...]]:
    candidates, _ = select.survey(layer, target.load(board), overlap=False)
    return {candidate.algorithm: candidate.plan.notes for candidate in candidates}


@pytest.mark.parametrize(
    ("fields", "algorithm", "sentence"),
    [
        (minimal.made_up(stride=2), "winograd_2x2_t1",
         "needs stride 1x1 and dilation 1x1; this layer has stride 2x2, dilation 1x1"),
        (minimal.made_up(dilation=[1, 2]), "winograd_4x4_t1",
         "needs stride 1x1 and dilation 1x1; this layer has stride 1x1, dilation 1x2"),
        (minimal.made_up(input={"shape": [6, 5, 128], "dtype": "int8"}, out_channels=2),
         "direct_w16", "needs at least 4 output channels; this layer has 2"),
        (minimal.made_up(groups=4, out_channels=4, stride=3), "direct_planes",
         "needs strides of 1 or 2; this layer has 3x3"),
        (minimal.made_up(stride=2), "kn2row_aa_holes",
         "needs stride 1x1 and an output as large as the image; this layer has stride 2x2, "
         "3x3 outputs of 6x5 pixels"),
    ],
)  # fmt: skip
def test_a_refusal_says_what_is_needed_and_what_the_layer_has(
    fields: dict[str, Any], algorithm: str, sentence: str
) -> None:
    _, rejected = select.survey(minimal.load(fields), target.load("cortex-m4"), overlap=False)
    assert {r.algorithm: r.reason for r in rejected}[algorithm] == sentence


OPERATORS = '"conv2d", "transposed_conv2d", "fully_connected", "average_pool", "max_pool" or "add"'


@pytest.mark.parametrize(
    ("op", "hint"),
    [
        ("depthwise_conv2d", '"conv2d" with "groups" equal to the input channels'),
        ("DEPTHWISE_CONV_2D", '"conv2d" with "groups" equal to the input channels'),
        ("dense", '"fully_connected"'),
        ("DepthwiseConv2dNative", '"conv2d" with "groups" equal to the input channels'),
        ("depthwize", '"conv2d" with "groups" equal to the input channels'),
        ("nn.FC", '"fully_connected"'),
        ("MatMul", '"fully_connected"'),
        ("Conv1D", '"conv2d" on an image of height 1'),
        ("conv", OPERATORS),
        ("tfconv2d", OPERATORS),
        ("backgroundconv", OPERATORS),
        ("Mul", OPERATORS),
    ],
)
@pytest.mark.usefixtures("workplace")
def test_another_name_of_an_operator_gets_a_hint(op: str, hint: str) -> None:
    write_spec(minimal.made_up(op=op))
    result = convgen("-t", "cortex-m4", "layer.json")
    assert (result.status, result.stderr) == (2, f'convgen: op: expected {hint}, got "{op}"\n')


@pytest.mark.parametrize("kernel", [1, [1, 1]])
def test_a_1x1_kernel_needs_no_padding(kernel: Any) -> None:
    fields = minimal.made_up(kernel_size=kernel, stride=2)
    del fields["padding"]
    loaded = minimal.load(fields).geometry
    assert loaded == minimal.load(fields | {"padding": "same"}).geometry
    assert loaded == minimal.load(fields | {"padding": "valid"}).geometry
