"""Inputs that bring each output channel's sum to both sides of a rounding boundary.

A sum that is wrong by one shows in the output only where it crosses such a boundary, which a
random input of a small layer seldom meets. The inputs made here look for it: of the values that
one element of a patch may take, the one that brings most channels next to a boundary.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen.model.ops.conv2d import Conv2d

ENOUGH = 4  # outputs on each side, where they are cheap
MOST_MACS = 2**22  # of inputs made to see each side once, but for the first ones
CHEAP_MACS = 2**18  # of those made to see it more often
FEWEST_INPUTS, MOST_INPUTS = 3, 125
MOST_TRIED = 3 * 2**22  # sums looked at in the search: a second at the most
_TRIED_IN_AN_INPUT = 2**22
_TRIED_AT_ONCE = 2**12, 2**16  # at an output pixel; as many as stay in a cache
_MOVES = 8, 2**11
_FRUITLESS = 12  # outputs without a find after which no more are tried


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """On how many output channels an error of one in the sum, either way, would have shown.

    ``constant`` channels give one output whatever the input: no error can show.
    """

    channels: int
    tried: int
    constant: int

    @property
    def untried(self) -> int:
        """Channels that no input was found for."""
        return self.channels - self.constant - self.tried


def nothing_seen(layer: Conv2d) -> NDArray[np.int64]:
    """Return how many outputs of each channel were seen on each side, ``[2, out_c]``: none.

    Of constant channels it is enough, as there is nothing to be seen.
    """
    low, high = (layer.requantized(end) for end in layer.accumulator_range)
    is_constant = low == high  # an output never falls when its sum rises
    return np.stack([np.where(is_constant, ENOUGH, 0)] * 2)


def summarize(layer: Conv2d, seen: NDArray[np.int64]) -> Coverage:
    """Return the figures of outputs *seen*, ``[2, out_c]``."""
    constant = int(np.count_nonzero(nothing_seen(layer)[0]))
    tried = int(np.count_nonzero(seen.all(axis=0))) - constant
    return Coverage(channels=layer.geometry.out_c, tried=tried, constant=constant)


def evaluate(
    layer: Conv2d, image: NDArray[Any], seen: NDArray[np.int64]
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the outputs of one *image* of a quantised layer, and what was *seen* after it.

    *seen* is ``[2, out_c]``: of how many sums of a channel the output would be another if they
    were one less, and one more. Where there are `ENOUGH` of both, they are counted no more.
    """
    result = np.empty(layer.outputs[0].shape, layer.dtype)
    seen = seen.copy()
    for rows, sums in layer.row_sums(image):
        exact = sums.astype(np.int64)
        result[rows] = layer.requantized(exact)
        channels = np.flatnonzero((seen < ENOUGH).any(axis=0))
        if channels.size:
            steps = layer.steps(exact[..., channels], channels)
            seen[:, channels] += steps.sum(axis=(1, 2))
    return result, seen


def directed(
    layer: Conv2d, rng: np.random.Generator, seen: NDArray[np.int64]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.int64]]:
    """Return inputs made for what was not *seen*, their outputs, and what was seen with them.

    Inputs and outputs are ``[N, height, width, channels]``, *seen* is ``[2, out_c]``.
    """
    g = layer.geometry
    search = _InputSearch(layer=layer, rng=rng)
    images: list[NDArray[Any]] = []
    outputs: list[NDArray[Any]] = []
    most = max(FEWEST_INPUTS, min(MOST_INPUTS, MOST_MACS // g.macs))
    for _ in range(most + _FRUITLESS):
        is_cheap = len(images) < CHEAP_MACS // g.macs
        search.untried = seen < (ENOUGH if is_cheap else 1)
        if len(images) == most or search.is_over or not search.untried.any():
            break
        image = search.image()
        if search.found:
            output, seen = evaluate(layer, image, seen)
            images.append(image)
            outputs.append(output)
    return (
        np.array(images, layer.dtype).reshape(-1, g.in_h, g.in_w, g.in_c),
        np.array(outputs, layer.dtype).reshape(-1, g.out_h, g.out_w, g.out_c),
        seen,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Patch:
    """What one output pixel reads and is, of the groups that have something left to try.

    ``elements`` ``[groups, elements]`` are places in the flat image, ``values`` what is there;
    ``channels`` ``[groups, channels]`` those looked at, ``weights`` theirs for the elements.
    """

    elements: NDArray[np.intp]
    values: NDArray[np.int64]
    free: NDArray[np.bool_]
    channels: NDArray[np.intp]
    weights: NDArray[np.float64]


class _InputSearch:
    """The search for one input after the other; ``found``: how often the last one helps."""

    def __init__(self, *, layer: Conv2d, rng: np.random.Generator) -> None:
        self.layer = layer
        self.rng = rng
        self.untried = nothing_seen(layer) == 0
        self.found = self.fruitless = 0
        self.left = MOST_TRIED
        g = layer.geometry
        self.at_once = int(np.clip(_TRIED_IN_AN_INPUT // g.out_pixels, *_TRIED_AT_ONCE))
        self.rows, self.columns = g.tap_positions()
        self.weights = layer.weights.reshape(g.groups, g.group_out_c, g.taps, g.group_in_c)
        bias = np.zeros(g.out_c) if layer.bias is None else layer.bias
        self.bias = bias.astype(np.int64)
        self.window = _window(layer)
        limits = np.iinfo(layer.dtype)
        self.least, self.most = int(limits.min), int(limits.max)

    @property
    def is_over(self) -> bool:
        """Whether more would find little, or take long."""
        return self.left <= 0 or self.fruitless >= _FRUITLESS

    def image(self) -> NDArray[Any]:
        """Make an input: random, but for the elements that were searched for."""
        g = self.layer.geometry
        shape = g.in_h, g.in_w, g.in_c
        image = self.rng.integers(self.least, self.most + 1, shape, self.layer.dtype)
        flat, free = image.reshape(-1), np.ones(image.size, np.bool_)
        self.found = 0
        start = int(self.rng.integers(g.out_pixels))
        for pixel in range(start, start + g.out_pixels):
            if self.is_over or not self.untried.any():
                break
            patch = self._patch(flat, free, *divmod(pixel % g.out_pixels, g.out_w))
            if not patch.free.any():
                continue
            useful, values = self._move(self._approach(patch))
            flat[patch.elements[useful]] = values[useful]
            free[patch.elements[useful]] = False  # another value would undo what was found
            found = int(np.count_nonzero(useful))
            self.found += found
            self.fruitless = 0 if found else self.fruitless + 1
        return image

    def _patch(self, flat: NDArray[Any], free: NDArray[np.bool_], row: int, column: int) -> _Patch:
        g = self.layer.geometry
        inside_h = (self.rows[row] >= 0) & (self.rows[row] < g.in_h)
        inside_w = (self.columns[column] >= 0) & (self.columns[column] < g.in_w)
        taps = np.flatnonzero((inside_h[:, None] & inside_w).ravel())
        pixels = self.rows[row][inside_h][:, None] * g.in_w + self.columns[column][inside_w]
        wanted = self.untried.any(axis=0).reshape(g.groups, g.group_out_c)
        groups = np.flatnonzero(wanted.any(axis=1))
        # With one group, those channels only that are left; else all of a group's.
        members = np.flatnonzero(wanted[0]) if g.groups == 1 else np.arange(g.group_out_c)
        first = (pixels.reshape(-1, 1) * g.in_c + np.arange(g.group_in_c)).ravel()
        elements = groups[:, None] * g.group_in_c + first
        weights = self.weights[np.ix_(groups, members)][:, :, taps]
        return _Patch(
            elements=elements,
            values=flat[elements].astype(np.int64),
            free=free[elements],
            channels=groups[:, None] * g.group_out_c + members,
            weights=weights.reshape(groups.size, members.size, -1).astype(np.float64),
        )

    def _sums(self, patch: _Patch) -> NDArray[np.int64]:
        """Return the sums ``[groups, channels]`` of the output pixel."""
        centred = (patch.values - self.layer.zero_point).astype(np.float64)
        products = patch.weights @ centred[:, :, None]
        return self.bias[patch.channels] + products[:, :, 0].astype(np.int64)

    def _approach(self, patch: _Patch) -> _Patch:
        """Go so far towards an end that one wanted channel of each group is within the clamp."""
        every = np.arange(len(patch.channels))
        wanted = self.untried[:, patch.channels].any(axis=0)
        member = (self.rng.random(wanted.shape) * wanted).argmax(axis=1)
        low, high = self.window[:, patch.channels[every, member]]
        target = low + self.rng.random(every.size) * (high - low)
        slope = patch.weights[every, member]
        sums = self._sums(patch)[every, member]
        rises = (slope > 0) == (target > sums)[:, None]
        ends = np.where(rises, self.most, self.least)
        room = np.where(patch.free & (slope != 0), ends - patch.values, 0)
        reach = (room * slope).sum(axis=1)
        part = np.divide(target - sums, reach, out=np.zeros(every.size), where=reach != 0)
        part[(low <= sums) & (sums <= high)] = 0
        moved = np.rint(part.clip(0, 1)[:, None] * room).astype(np.int64)
        return replace(patch, values=patch.values + moved)

    def _move(self, patch: _Patch) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Give one free element of each group the value that brings most channels to a boundary.

        Returns the groups for which that adds something, and the values.
        """
        moves = int(np.clip(self.at_once // patch.channels.size, *_MOVES))
        self.left -= moves * patch.channels.size + patch.weights.size
        element = self.rng.choice(np.flatnonzero(patch.free.any(axis=0)), moves)
        value = self.rng.integers(self.least, self.most + 1, moves)
        by = np.where(patch.free[:, element], value - patch.values[:, element], 0)
        slopes = patch.weights[:, :, element].astype(np.int64).transpose(0, 2, 1)
        change: NDArray[np.int64] = by[:, :, None] * slopes
        sums = self._sums(patch)[:, None, :] + change
        seen = self.layer.steps(sums, patch.channels[:, None, :])
        seen &= self.untried[:, patch.channels][:, :, None, :]
        gain = seen.sum(axis=(0, 3))
        every, best = np.arange(len(gain)), gain.argmax(axis=1)
        useful = gain[every, best] > 0
        values = patch.values.copy()
        values[every, element[best]] += by[every, best]
        self.untried[:, patch.channels] &= ~(seen[:, every, best] & useful[:, None])
        return useful, values


def _window(layer: Conv2d) -> NDArray[np.float64]:
    """Return roughly the lowest and highest sums ``[2, out_c]`` that the clamp leaves alone."""
    q = layer.quantization
    if q is None:
        raise AssertionError("only quantised layers are covered")
    scale = q.multiplier * np.exp2(q.shift.astype(np.float64) - 31)
    ends = np.array([[layer.activation_min], [layer.activation_max]]) - q.out_zero_point
    window = np.divide(ends, scale, out=np.zeros((2, scale.size)), where=scale != 0)
    low, high = layer.accumulator_range
    clipped: NDArray[np.float64] = window.clip(low, high)
    return clipped
