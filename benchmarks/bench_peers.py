"""What other libraries take for 17 layers, from `peers.json`, and these layers as specs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from layers import Spec

FILE = Path(__file__).with_name("peers.json")

RIVALS = {
    "cortex-m0": "cmsis_nn",
    "cortex-m3": "cmsis_nn",
    "cortex-m4": "cmsis_nn",
    "cortex-m7": "cmsis_nn",
    "cortex-m33": "cmsis_nn",
    "rv32imc": "muriscv_nn",
}
"""The targets, and the library that each is compared with first."""

TITLES = {
    "cmsis_nn": "CMSIS-NN",
    "muriscv_nn": "muRISCV-NN",
    "tinyengine": "TinyEngine",
    "plain_c": "plain C",
}

LINEAR = ("r8_s1", "r8_s2", "r8_s3", "r8_skip1x1", "c5x5", "dil2", "fc_ad")
"""Layers without an activation; README.md says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """What a library takes for one call; sizes in bytes, None where they were not measured."""

    instructions: int
    workspace: int
    code: int
    build: str
    stack: int | None = None
    cycles_estimated: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerLayer:
    """A layer, its multiplications, padding included, and its peers by target and library."""

    name: str
    spec: Spec
    macs: int
    peers: Mapping[str, Mapping[str, Peer]]

    def on(self, board: str) -> Mapping[str, Peer]:
        """Return the libraries that were measured on a target."""
        return self.peers.get(board, {})

    def rival(self, board: str) -> Peer | None:
        """Return the library that a target is compared with, if it was measured."""
        return self.on(board).get(RIVALS[board])


def spec_of(name: str, shape: Mapping[str, Any]) -> Spec:
    """Return the spec of a layer; weights, scales and bias are made up when it is loaded."""
    return {
        "name": name,
        "op": "conv2d",
        "input": {"shape": shape["input"], "dtype": "int8", "zero_point": -128},
        "activation": "none" if name in LINEAR else "relu",
        **{key: shape[key] for key in ("out_channels", "kernel_size", "stride", "dilation")},
        **{key: shape[key] for key in ("padding", "groups")},
    }


def _layer(name: str, fields: Mapping[str, Any]) -> PeerLayer:
    peers = {
        board: {peer: Peer(**figures) for peer, figures in found.items()}
        for board, found in fields["peers"].items()
    }
    shape = fields["shape"]
    return PeerLayer(name=name, spec=spec_of(name, shape), macs=shape["macs"], peers=peers)


LAYERS: dict[str, PeerLayer] = {
    name: _layer(name, fields)
    for name, fields in json.loads(FILE.read_text(encoding="utf-8"))["layers"].items()
}
