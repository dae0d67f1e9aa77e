"""A layer that could fit is planned in seconds; one that is too large is refused before."""

from __future__ import annotations

import time
from typing import Any

import pytest

import minimal
from convgen.errors import SpecError
from convgen.schedule.select import survey
from convgen.targets import target

SECONDS = 5  # of this processor's time
Fields = dict[str, Any]


def int8(*shape: int) -> Fields:
    return {"shape": list(shape), "dtype": "int8"}


LARGE: dict[str, Fields] = {
    "2000 columns of planes": {"input": int8(8, 2000, 4), "out_channels": 4, "groups": 4},
    "16000 rows of planes": {"input": int8(16000, 3, 1), "out_channels": 1},
    "6000 outputs": {"input": int8(1, 1, 4), "out_channels": 6000, "kernel_size": 1},
    "20000 planes": {"input": int8(3, 3, 20000), "out_channels": 20000, "groups": 20000},
    "65025 taps": {"input": int8(256, 256, 1), "out_channels": 1, "kernel_size": 255},
    "a million taps": {
        "input": int8(1, 2**20, 1),
        "out_channels": 1,
        "kernel_size": [1, 2**20],
        "padding": "valid",
    },
    "taps far apart": {
        "input": int8(2**20, 1, 1),
        "out_channels": 1,
        "kernel_size": [8000, 1],
        "dilation": [131, 1],
        "padding": "valid",
    },
}


@pytest.mark.parametrize("fields", LARGE.values(), ids=LARGE)
def test_a_layer_that_could_fit_is_planned_in_seconds(fields: Fields) -> None:
    layer = minimal.load(minimal.made_up(**fields))
    start = time.process_time()
    candidates, _ = survey(layer, target.load("cortex-m4"), overlap=False)
    assert candidates
    assert time.process_time() - start < SECONDS


TOO_LARGE: dict[str, tuple[Fields, str]] = {
    "2 TiB of tap positions": (
        {
            "input": int8(2**20, 1, 1),
            "out_channels": 1,
            "kernel_size": [2**19, 1],
            "padding": "valid",
        },
        "the layer: expected at most 8,589,934,592 multiply-accumulates, got 274,878,431,232",
    ),
    "pixels of padding": (
        {"input": int8(1, 1, 1), "out_channels": 1, "padding": [4000] * 4},
        "the layer: expected at most 2,097,152 pixels of the output, got 63,984,001",
    ),
    "pixels": (
        {"input": int8(8192, 8192, 1), "out_channels": 1, "stride": 8},
        "the layer: expected at most 2,097,152 pixels of the input, got 67,108,864",
    ),
}


@pytest.mark.parametrize(("fields", "message"), TOO_LARGE.values(), ids=TOO_LARGE)
def test_a_layer_out_of_all_proportion_is_refused_before_it_is_planned(
    fields: Fields, message: str
) -> None:
    start = time.process_time()
    with pytest.raises(SpecError) as caught:
        minimal.load(minimal.made_up(**fields))
    assert str(caught.value) == message
    assert time.process_time() - start < 1
