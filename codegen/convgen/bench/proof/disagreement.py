"""Why expected outputs are not those of the spec: usual mistakes, each tried against them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from convgen.bench.proof.comparison import Arrays, Comparison, compare
from convgen.model import quantize
from convgen.model.arithmetic import of_dtype
from convgen.model.geometry import Geometry
from convgen.model.operator import Computation
from convgen.model.ops.conv2d import Conv2d, Quantization
from convgen.model.ops.overflow import overflow
from convgen.model.quantize import INT8, Rounding
from convgen.model.whole import Whole

Cause = Literal["rounding", "data", "unknown"]
MOST_MACS = 2**30  # of all mistakes tried
_MOST_NAMED = 3  # mistakes that fit


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """How expected outputs differ from those of the spec, and what would explain that.

    ``explanations`` are what the numbers would have to be for the expected outputs to come out.
    ``said_by`` is where the numbers are from.
    """

    differing: int
    outputs: int
    max_abs_error: float
    first: str
    cause: Cause
    explanations: tuple[str, ...]
    said_by: Literal["spec", "model"] = "spec"
    tried: str = "usual mistake in the order, padding or quantisation of the data"

    @property
    def sentence(self) -> str:
        """All of it in words."""
        extent = f"by at most {self.max_abs_error:g}" if self.max_abs_error < np.inf else "widely"
        return (
            f"the {self.said_by} and --vectors disagree: {self.differing:,} of {self.outputs:,} "
            f"outputs differ, {extent}; {self.first}. {self._explanation}"
        )

    @property
    def _explanation(self) -> str:
        if self.explanations:
            start = "All differences are 1: with" if self.cause == "rounding" else "With"
            return f"{start} {' or '.join(self.explanations)} the expected outputs come out"
        if self.max_abs_error == 1 and self.said_by == "model":
            return "All differences are 1, as of interpreters that round otherwise (--reference)"
        if self.max_abs_error == 1:
            return "All differences are 1, as between roundings, but no rounding tried gives them"
        return f"No {self.tried} explains them"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Guess:
    """A mistake that may have been made: what the numbers would be without it."""

    words: str
    layer: Conv2d
    inputs: NDArray[Any]
    expected: NDArray[Any]
    cause: Cause = "data"


def explain(
    layer: Conv2d,
    inputs: NDArray[Any],
    expected: NDArray[Any],
    right: NDArray[Any] | None,
) -> Disagreement | None:
    """Say how *expected* differs from what the spec gives, None if it does not.

    *right* are the outputs of the spec, if they are at hand.

    Arrays are ``[N, *shape]``.
    """
    own = layer.compute(inputs)[0] if right is None else right
    found = compare(layer, (inputs,), (own,), (expected,), (own,))
    if not found.first:
        return None
    wrong_first = np.argsort(~_disagreeing(layer, inputs, own, expected), kind="stable")
    cause, explanations = _explain(layer, inputs[wrong_first], expected[wrong_first], found)
    return Disagreement(
        differing=found.mismatches,
        outputs=expected.size,
        max_abs_error=found.max_abs_error,
        first=_told(found.first, "spec"),
        cause=cause,
        explanations=explanations,
    )


def explain_outputs(
    computation: Computation, inputs: Arrays, expected: Arrays, right: Arrays
) -> Disagreement | None:
    """Say of what is no convolution how *expected* differs from the *right* outputs, if it does."""
    found = compare(computation, inputs, right, expected, right)
    if not found.first:
        return None
    said_by: Literal["spec", "model"] = "model" if isinstance(computation, Whole) else "spec"
    moved = _moved(expected, right)
    return Disagreement(
        differing=found.mismatches,
        outputs=sum(array.size for array in expected),
        max_abs_error=found.max_abs_error,
        first=_told(found.first, said_by),
        cause="data" if moved else "unknown",
        explanations=(moved,) if moved else (),
        said_by=said_by,
        tried="other zero point of the outputs",
    )


def _told(first: str, said_by: str) -> str:
    return first.replace("got", f"the {said_by} gives").replace("expected", "--vectors has")


def _moved(expected: Arrays, right: Arrays) -> str | None:
    """Return by how much every output is moved, as by another zero point, if that is all."""
    wanted, given = (np.concatenate([a.ravel() for a in each]) for each in (expected, right))
    if wanted.dtype.kind != "i":
        return None
    ends = np.iinfo(wanted.dtype)
    steps, counts = np.unique(wanted.astype(np.int64) - given, return_counts=True)
    step = int(steps[counts.argmax()])
    moved = np.clip(given.astype(np.int64) + step, ends.min, ends.max)
    fits = np.array_equal(moved, wanted)
    return f"{step:+d} on every output, as of another zero point," if fits else None


def _disagreeing(
    layer: Conv2d, inputs: NDArray[Any], own: NDArray[Any], expected: NDArray[Any]
) -> NDArray[np.bool_]:
    """Whether each vector differs."""
    each = range(len(inputs))
    parts = [(inputs[i : i + 1], own[i : i + 1], expected[i : i + 1]) for i in each]
    return np.array([compare(layer, (x,), (y,), (z,), (y,)).mismatches > 0 for x, y, z in parts])


def _explain(
    layer: Conv2d, inputs: NDArray[Any], expected: NDArray[Any], found: Comparison
) -> tuple[Cause, tuple[str, ...]]:
    """Try one mistake after the other, those in rounding first, until the work is too much."""
    if found.max_abs_error == 1:
        words = _other_rounding(layer, inputs, expected)
        if words:
            return "rounding", (words,)
    left = MOST_MACS
    fitting: list[str] = []
    for guess in _guesses(layer, inputs, expected):
        for rounded in _roundings(guess):
            left -= layer.geometry.macs
            if _holds(rounded):
                fitting.append(rounded.words)
                break
        if left < 0 or len(fitting) == _MOST_NAMED:
            break
    return ("data" if fitting else "unknown"), tuple(fitting)


def _holds(guess: _Guess) -> bool:
    """Whether the expected outputs come out, of every vector."""
    if overflow(guess.layer):
        return False
    pairs = zip(guess.inputs, guess.expected, strict=True)
    return all(_gives(guess.layer, image[None], output[None]) for image, output in pairs)


def _gives(layer: Conv2d, image: NDArray[Any], output: NDArray[Any]) -> bool:
    own = layer.compute(image)[0]
    if layer.quantization:
        return np.array_equal(own, output)
    return not compare(layer, (image,), (own,), (output,)).mismatches


def _roundings(guess: _Guess) -> Iterator[_Guess]:
    """Yield *guess*, and with it the other rounding."""
    yield guess
    q = guess.layer.quantization
    if q:
        for rounding in _others(guess.layer, q):
            words = f"{guess.words} and {_rounding_words(rounding)}"
            layer = _requantized(guess.layer, rounding=rounding)
            yield replace(guess, words=words, layer=layer)


def _others(layer: Conv2d, q: Quantization) -> Iterator[Rounding]:
    """Yield the other roundings that the layer's dtype may have."""
    if layer.dtype == "int16" and q.rounding != "reduced":
        yield "reduced"
    if not layer.has_long_sums:
        yield from (each for each in ("double", "single") if each != q.rounding)


def _rounding_words(rounding: str) -> str:
    return f'"requantize": {{"rounding": "{rounding}"}}'


def _other_rounding(layer: Conv2d, inputs: NDArray[Any], expected: NDArray[Any]) -> str | None:
    """Return what rounds as expected, if anything does."""
    q = layer.quantization
    if q is None:
        return None
    for other in _others(layer, q):
        guess = _Guess(
            words=_rounding_words(other),
            layer=_requantized(layer, rounding=other),
            inputs=inputs,
            expected=expected,
        )
        if _holds(guess):
            return guess.words
    pairs = zip(inputs, expected, strict=True)
    if all((_in_float(layer, q, image) == output).all() for image, output in pairs):
        return "XNNPACK's float32 arithmetic, which convgen does not have,"
    return None


def _in_float(layer: Conv2d, q: Quantization, image: NDArray[Any]) -> NDArray[np.float32]:
    """Return the outputs where sums are scaled as float32 and rounded to even, as XNNPACK does."""
    scale = np.ldexp(q.multiplier.astype(np.float64), q.shift - 31).astype(np.float32)
    scaled = np.rint(layer.sums(image).astype(np.float32) * scale)
    low, high = np.float32(layer.activation_min), np.float32(layer.activation_max)
    outputs: NDArray[np.float32] = (scaled + np.float32(q.out_zero_point)).clip(low, high)
    return outputs


def _requantized(layer: Conv2d, **changes: Any) -> Conv2d:
    if layer.quantization is None:
        raise AssertionError("only int8 layers are requantised")
    return replace(layer, quantization=replace(layer.quantization, **changes))


def _guesses(layer: Conv2d, inputs: NDArray[Any], expected: NDArray[Any]) -> Iterator[_Guess]:
    """Yield the usual mistakes, the most usual first."""
    changed = (
        *_other_weights(layer),
        *_other_biases(layer),
        *_other_paddings(layer),
        *_other_activations(layer),
        *(_other_quantizations(layer) if layer.quantization else ()),
    )
    for words, other in changed:
        yield _Guess(words=words, layer=other, inputs=inputs, expected=expected)
    yield from _other_images(layer, inputs, expected)
    if layer.quantization and layer.zero_point and layer.geometry.has_padding:
        padded, bytes_padded = _padded_with_bytes_of_0(layer, inputs)
        words = "padding by bytes of 0, not by the zero point,"
        yield _Guess(words=words, layer=padded, inputs=bytes_padded, expected=expected)


def _other_weights(layer: Conv2d) -> Iterator[tuple[str, Conv2d]]:
    """Yield the layer with the weights' bytes read in every other order of the axes."""
    sizes = dict(zip("OHWI", layer.weights.shape, strict=True))
    seen = {layer.weights.tobytes()}
    names = {"IHWO": "[1, height, width, channels]"} if layer.geometry.is_depthwise else {}
    usual = (*names, "OIHW", "HWIO", "HWOI", "OWHI")
    others = ("".join(order) for order in permutations("OHWI"))
    orders = dict.fromkeys((*usual, *others))
    for order in orders:
        stored = layer.weights.reshape([sizes[axis] for axis in order])
        weights: Any = stored.transpose([order.index(axis) for axis in "OHWI"])
        if weights.tobytes() not in seen:
            seen.add(weights.tobytes())
            yield f"weights as {names.get(order, order)}", replace(layer, weights=weights)
    flipped: Any = layer.weights[:, ::-1, ::-1]
    if flipped.tobytes() not in seen:
        yield "the kernel turned by 180 degrees", replace(layer, weights=flipped)


def _other_biases(layer: Conv2d) -> Iterator[tuple[str, Conv2d]]:
    if layer.bias is not None and layer.bias.any():
        yield "no bias", replace(layer, bias=None)
        yield "the bias negated", replace(layer, bias=-layer.bias)


def _other_paddings(layer: Conv2d) -> Iterator[tuple[str, Conv2d]]:
    """Yield the layer with the padding one row or column off, which leaves the output's size."""
    g = layer.geometry
    for top in range(max(0, g.pad_top - 1), g.pad_top + 2):
        for left in range(max(0, g.pad_left - 1), g.pad_left + 2):
            if (top, left) != (g.pad_top, g.pad_left):
                moved = _padded(g, top, left)
                pads = [moved.pad_top, moved.pad_left, moved.pad_bottom, moved.pad_right]
                yield f"padding {pads}", replace(layer, geometry=moved)


def _padded(g: Geometry, top: int, left: int) -> Geometry:
    """Return *g* with other padding at the beginning, and what it takes at the end."""
    need_h = (g.out_h - 1) * g.stride_h + (g.k_h - 1) * g.dilation_h + 1
    need_w = (g.out_w - 1) * g.stride_w + (g.k_w - 1) * g.dilation_w + 1
    return replace(
        g,
        pad_top=top,
        pad_left=left,
        pad_bottom=max(0, need_h - g.in_h - top),
        pad_right=max(0, need_w - g.in_w - left),
    )


def _other_activations(layer: Conv2d) -> Iterator[tuple[str, Conv2d]]:
    q, numbers = layer.quantization, of_dtype(layer.dtype)
    out_zero_point = q.out_zero_point if q else 0
    ranges: dict[str, tuple[float, float]] = {
        "none": (numbers.least, numbers.most),
        "relu": (out_zero_point if q else 0.0, numbers.most),
    }
    if q is None:
        ranges["relu6"] = 0.0, 6.0
    elif q.out_scale:
        with suppress(OverflowError):
            ranges["relu6"] = quantize.activation_range(
                "relu6", q.out_scale, out_zero_point, layer.dtype
            )
    for name, (low, high) in ranges.items():
        if (low, high) != (layer.activation_min, layer.activation_max):
            changed = replace(layer, activation=name, activation_min=low, activation_max=high)
            yield f'activation "{name}"', changed


def _other_quantizations(layer: Conv2d) -> Iterator[tuple[str, Conv2d]]:
    """Yield the layer with other zero points, and with scales read in other ways."""
    q = layer.quantization
    if q is None:
        return
    for zero_point in _zero_points(layer, q.in_zero_point):
        yield (
            f"input.zero_point {zero_point}",
            _requantized(layer, in_zero_point=zero_point),
        )
    for zero_point in _zero_points(layer, q.out_zero_point):
        changed = _requantized(layer, out_zero_point=zero_point)
        if layer.activation in ("relu", "relu6"):
            changed = replace(changed, activation_min=zero_point)
        yield f"output.zero_point {zero_point}", changed
    if q.shift.any() and q.shift.min() >= -quantize.MAX_SHIFT:
        yield "requantize.shift negated", _requantized(layer, shift=-q.shift)
    if (q.multiplier != q.multiplier[0]).any() or (q.shift != q.shift[0]).any():
        first = {"multiplier": q.multiplier[:1], "shift": q.shift[:1]}
        of_all = {key: np.broadcast_to(value, q.shift.shape) for key, value in first.items()}
        yield "the first channel's scale for all", _requantized(layer, **of_all)


def _zero_points(layer: Conv2d, zero_point: int) -> list[int]:
    """Return others that it may be confused with: negated, left out, of unsigned bytes."""
    if layer.dtype != "int8":
        return []
    others = dict.fromkeys((-zero_point, 0, zero_point - 128, zero_point + 128))
    return [z for z in others if z != zero_point and INT8.min <= z <= INT8.max]


def _other_images(layer: Conv2d, inputs: NDArray[Any], expected: NDArray[Any]) -> Iterator[_Guess]:
    """Yield vectors whose bytes are read as NCHW."""
    planes_in, planes_out = _from_planes(inputs), _from_planes(expected)
    for words, given, wanted in (
        ("input as NCHW", planes_in, expected),
        ("output as NCHW", inputs, planes_out),
        ("input and output as NCHW", planes_in, planes_out),
    ):
        yield _Guess(words=words, layer=layer, inputs=given, expected=wanted)


def _from_planes(images: NDArray[Any]) -> NDArray[Any]:
    count, height, width, channels = images.shape
    return images.reshape(count, channels, height, width).transpose(0, 2, 3, 1)


def _padded_with_bytes_of_0(layer: Conv2d, inputs: NDArray[Any]) -> tuple[Conv2d, NDArray[Any]]:
    """Return the layer without padding, and the inputs with it."""
    g = layer.geometry
    pads = (0, 0), (g.pad_top, g.pad_bottom), (g.pad_left, g.pad_right), (0, 0)
    padded = np.pad(inputs, pads)
    without = replace(
        g,
        in_h=padded.shape[1],
        in_w=padded.shape[2],
        pad_top=0,
        pad_left=0,
        pad_bottom=0,
        pad_right=0,
    )
    return replace(layer, geometry=without), padded
