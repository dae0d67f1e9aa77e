"""Train a small digit classifier and write its layers, quantised to int8, as convgen specs.

Usage, with the `examples` extra installed: python examples/digits/train.py [FOLDER]
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

SEED, HELD_OUT, VECTORS, EPOCHS, BATCH = 0, 360, 4, 40, 32


class Scheme(NamedTuple):
    """How int8 stands for real numbers: ``real = scale * (quantised - zero_point)``."""

    scale: float
    zero_point: int

    @classmethod
    def spanning(cls, values: NDArray[np.float32]) -> Scheme:
        """Return the scheme that covers *values* and zero with all 256 steps."""
        low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
        scale = float(np.float32((high - low) / 255))
        return cls(scale, round(-128 - low / scale))


PIXELS = Scheme(1 / 16, -128)  # pixels are 0 .. 16, the model sees 0 .. 1: exact in int8


def float_model() -> nn.Sequential:
    """Return the untrained model, NCHW; each stage becomes one spec.

    The padding is explicit because TensorFlow's `same`, unlike PyTorch's, puts an odd pixel last.
    """
    return nn.Sequential(
        nn.Sequential(nn.ZeroPad2d(1), nn.Conv2d(1, 16, 3), nn.ReLU()),
        nn.Sequential(
            nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(16, 32, 3, stride=2, groups=16), nn.ReLU()
        ),
        nn.Sequential(nn.ZeroPad2d(0), nn.Conv2d(32, 10, 4), nn.Identity()),
    )


def train(images: torch.Tensor, labels: torch.Tensor) -> nn.Sequential:
    """Return a model fitted to *images* in a fixed number of epochs."""
    model = float_model()
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=0.3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    loss = nn.CrossEntropyLoss(label_smoothing=0.1)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(images)).split(BATCH):
            optimizer.zero_grad()
            loss(model(images[batch]).flatten(1), labels[batch]).backward()
            optimizer.step()
        schedule.step()
    return model.requires_grad_(False)


@dataclass(frozen=True)
class Int8Conv:
    """A stage of the model quantised by TensorFlow Lite's spec."""

    stage: nn.Sequential
    source: Scheme
    output: Scheme
    weights: NDArray[np.int8]  # OHWI, symmetric
    scales: NDArray[np.float64]  # of the weights, per output channel; float32 values
    bias: NDArray[np.int32]

    @classmethod
    def quantize(cls, stage: nn.Sequential, source: Scheme, output: Scheme) -> Int8Conv:
        """Return *stage* in int8, its tensors represented by *source* and *output*."""
        weights = stage[1].weight.numpy().transpose(0, 2, 3, 1).astype(np.float64)
        limits = np.abs(weights).max(axis=(1, 2, 3), keepdims=True)
        scales = (limits / 127).astype(np.float32).astype(np.float64)
        steps = np.clip(np.rint(weights / scales), -127, 127).astype(np.int8)
        bias = np.rint(stage[1].bias.numpy() / (source.scale * scales.ravel())).astype(np.int32)
        return cls(stage, source, output, steps, scales.ravel(), bias)

    def run(self, images: NDArray[np.int8]) -> NDArray[np.int8]:
        """Return the NHWC output, the same integers as TensorFlow Lite's reference kernels."""
        padding, conv, activation = self.stage
        left, right, top, bottom = padding.padding
        values = images.astype(np.int64) - self.source.zero_point
        values = np.pad(values, ((0, 0), (top, bottom), (left, right), (0, 0)))
        patches = np.lib.stride_tricks.sliding_window_view(values, conv.kernel_size, (1, 2))
        patches = patches[:, :: conv.stride[0], :: conv.stride[1]]
        n, h, w = patches.shape[:3]
        patches = patches.reshape(n, h, w, conv.groups, -1, *conv.kernel_size)
        weights = self.weights.astype(np.int64)
        weights = weights.reshape(conv.groups, -1, *weights.shape[1:])
        sums = np.einsum("nyxgikl,gokli->nyxgo", patches, weights).reshape(n, h, w, -1)
        low = self.output.zero_point if isinstance(activation, nn.ReLU) else -128
        steps = self.requantize(sums + self.bias) + self.output.zero_point
        return np.clip(steps, low, 127).astype(np.int8)

    def requantize(self, sums: NDArray[np.int64]) -> NDArray[np.int64]:
        """Scale sums to output steps with TensorFlow Lite's two roundings.

        The first, SaturatingRoundingDoublingHighMul, rounds halves up; the second,
        RoundingDivideByPOT, away from zero. Every ratio here is below one: no left shift.
        """
        mantissa, exponent = np.frexp(self.source.scale * self.scales / self.output.scale)
        multiplier, shift = np.floor(mantissa * 2.0**31 + 0.5).astype(np.int64), -exponent
        assert multiplier.max() < 2**31
        assert shift.min() >= 0
        high = (sums * multiplier + 2**30) >> 31
        mask = (1 << shift) - 1
        return (high >> shift) + ((high & mask) > (mask >> 1) + (high < 0))

    def write(self, folder: Path, images: NDArray[np.int8]) -> None:
        """Write the spec, its arrays, and test vectors made from *images*."""
        padding, conv, activation = self.stage
        spec = {
            "name": folder.name,
            "op": "conv2d",
            "input": {"shape": images.shape[1:], "dtype": "int8", **self.source._asdict()},
            "output": self.output._asdict(),
            "out_channels": conv.out_channels,
            "kernel_size": conv.kernel_size,
            "stride": conv.stride,
            "padding": "same" if any(padding.padding) else "valid",
            "groups": conv.groups,
            "activation": "relu" if isinstance(activation, nn.ReLU) else "none",
            "weights": {"file": "data.npz", "array": "weights", "scale": self.scales.tolist()},
            "bias": {"file": "data.npz", "array": "bias"},
        }
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / "layer.json", spec)
        np.savez_compressed(folder / "data.npz", weights=self.weights, bias=self.bias)
        np.savez_compressed(folder / "vectors.npz", input=images, output=self.run(images))


def write_json(path: Path, fields: dict[str, Any]) -> None:
    """Write *fields* with one line per field."""
    lines = (f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in fields.items())
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def main(folder: Path) -> None:
    """Train, quantise stage by stage, test both models on held-out images, and write it all."""
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    digits = load_digits()
    pixels = digits.images[:, None].astype(np.float32)
    train_x, test_x, train_y, test_y = train_test_split(
        pixels, digits.target, test_size=HELD_OUT, stratify=digits.target, random_state=SEED
    )
    sample = torch.from_numpy(train_x * PIXELS.scale)
    model = train(sample, torch.from_numpy(train_y))

    images = (test_x.transpose(0, 2, 3, 1) + PIXELS.zero_point).astype(np.int8)
    values, scheme = images, PIXELS
    for number, stage in enumerate(model, start=1):
        sample = stage(sample)  # what the training images make of it sets the output's range
        layer = Int8Conv.quantize(stage, scheme, Scheme.spanning(sample.numpy()))
        layer.write(folder / f"conv{number}", values[:VECTORS])
        values, scheme = layer.run(values), layer.output

    logits = {"float32": model(torch.from_numpy(test_x * PIXELS.scale)).numpy(), "int8": values}
    correct = {
        kind: int(np.sum(scores.reshape(HELD_OUT, 10).argmax(axis=1) == test_y))
        for kind, scores in logits.items()
    }
    np.savez_compressed(folder / "digits.npz", images=images, labels=test_y.astype(np.int8))
    write_json(folder / "accuracy.json", {"images": HELD_OUT, "correct": correct})
    print(f"recognised of {HELD_OUT}: {correct}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
