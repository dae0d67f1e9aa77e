"""Operators that move elements, and those that only give them another shape."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from convgen.formats.tflite.scene import (
    Built,
    Shape,
    TfliteScene,
    UnsupportedError,
    clamp,
    options_of,
)
from convgen.formats.tflite.tables import FileOperator, FileTensor
from convgen.model.ops.move import Concatenation, Pad, Slice, Transpose
from convgen.model.tensor import Tensor


def view(operator: FileOperator, scene: TfliteScene) -> Built:
    """Read a RESHAPE, SQUEEZE or EXPAND_DIMS: the same bytes in another shape.

    Raises UnsupportedError.
    """
    given, output = scene.file_tensor(operator, 0, "input"), scene.output(operator)
    if given.elems != output.elems or given.dtype != output.dtype:
        raise UnsupportedError(f"{list(given.shape)} to {list(output.shape)}")
    if given.index in scene.constants:
        scene.constants[output.index] = scene.constants[given.index].reshape(output.shape)
    else:
        scene.names[output.index] = scene.name(given)
    return []


def shape(operator: FileOperator, scene: TfliteScene) -> Built:
    """Read a SHAPE, which the file knows. Raises UnsupportedError."""
    given, output = scene.file_tensor(operator, 0, "input"), scene.output(operator)
    if output.elems != len(given.shape) or output.dtype not in ("int32", "int64"):
        raise UnsupportedError(f"an output of {output.dtype} {list(output.shape)}")
    scene.constants[output.index] = np.array(given.shape, output.dtype).reshape(output.shape)
    return []


def _moved(
    scene: TfliteScene, output: FileTensor, expected: Shape, *inputs: FileTensor, kept: bool
) -> tuple[int, Tensor, tuple[Tensor, ...]]:
    """Return what is checked of any mover: axes to drop, output, inputs.

    A batch of one is dropped where axis 0 is *kept* as it is.
    """
    if output.shape != expected:
        raise UnsupportedError(f"an output of {list(output.shape)} for {list(expected)}")
    lead = int(kept and all(tensor.shape[:1] == (1,) for tensor in (*inputs, output)))
    tensors = [scene.seen(tensor, tensor.shape[lead:]) for tensor in (*inputs, output)]
    same = {(t.dtype, t.scale, t.zero_point) for t in tensors}
    if len(same) > 1:
        raise UnsupportedError("tensors whose dtypes, scales or zero points differ")
    return lead, tensors[-1], tuple(tensors[:-1])


def pad(operator: FileOperator, scene: TfliteScene) -> Built:
    """Read a PAD, with the output's zero point, or a PADV2, with a constant.

    Raises UnsupportedError.
    """
    given, output = scene.file_tensor(operator, 0, "input"), scene.output(operator)
    widths = scene.integers(operator, 1, "widths")
    if len(widths) != 2 * len(given.shape) or min(widths, default=0) < 0:
        raise UnsupportedError(f"widths {widths} for {list(given.shape)}")
    before, after = tuple(widths[::2]), tuple(widths[1::2])
    expected = tuple(map(sum, zip(before, given.shape, after, strict=True)))
    kept = not any((*before[:1], *after[:1]))
    lead, found, inputs = _moved(scene, output, expected, given, kept=kept)
    value: float = found.zero_point
    if operator.kind == "PADV2":
        filler = scene.file_tensor(operator, 2, "constant")
        values = scene.constant(filler, "a constant")
        if values.size != 1 or filler.dtype != given.dtype:
            raise UnsupportedError(f"a constant of {filler.dtype} {list(filler.shape)}")
        value = float(values.ravel()[0])
    return [
        Pad(
            name="",
            inputs=inputs,
            output=found,
            before=before[lead:],
            after=after[lead:],
            value=value,
        )
    ]


def concatenation(operator: FileOperator, scene: TfliteScene) -> Built:
    """Read a CONCATENATION. Raises UnsupportedError."""
    options = options_of(operator, "ConcatenationOptions")
    given = [scene.file_tensor(operator, i, "input") for i in range(len(operator.inputs))]
    output = scene.output(operator)
    axis = _axis(options.axis, output.shape)
    if clamp(options, scene.seen(output)).activation != "none":
        raise UnsupportedError("an activation")
    return [_joined(scene, [(tensor, tensor.shape) for tensor in given], output, axis)]


def pack(operator: FileOperator, scene: TfliteScene) -> Built:
    """Read a PACK: a concatenation along an axis of its own."""
    options = options_of(operator, "PackOptions")
    output = scene.output(operator)
    axis = _axis(options.axis, output.shape)
    given = [scene.file_tensor(operator, i, "input") for i in range(len(operator.inputs))]
    shapes = [(*tensor.shape[:axis], 1, *tensor.shape[axis:]) for tensor in given]
    return [_joined(scene, list(zip(given, shapes, strict=True)), output, axis)]


def _joined(
    scene: TfliteScene, given: Sequence[tuple[FileTensor, Shape]], output: FileTensor, axis: int
) -> Concatenation:
    ranks = {len(shape) for _, shape in given}
    if (
        ranks != {len(output.shape)}
        or len({(*shape[:axis], *shape[axis + 1 :]) for _, shape in given}) > 1
    ):
        raise UnsupportedError(f"tensors of {', '.join(str(list(shape)) for _, shape in given)}")
    first = given[0][1]
    expected = (*first[:axis], sum(shape[axis] for _, shape in given), *first[axis + 1 :])
    if output.shape != expected:
        raise UnsupportedError(f"an output of {list(output.shape)} for {list(expected)}")
    lead = int(axis > 0 and first[0] == 1)
    found = scene.seen(output, output.shape[lead:])
    inputs, fixed = [], []
    for tensor, shape in given:
        known = None if scene.folding else scene.constants.get(tensor.index)
        if known is not None and tensor.index not in scene.names:
            scene.introduce(tensor)
        seen = scene.seen(tensor, shape[lead:])
        if (seen.dtype, seen.scale, seen.zero_point) != (
            found.dtype,
            found.scale,
            found.zero_point,
        ):
            raise UnsupportedError("inputs whose dtypes, scales or zero points differ")
        fixed.append(None if known is None else known.reshape(seen.shape))
        inputs += [] if known is not None else [seen]
    return Concatenation(
        name="",
        inputs=tuple(inputs),
        output=found,
        axis=axis - lead,
        fixed=tuple(fixed) if len(inputs) < len(fixed) else (),
    )


def _axis(axis: int, shape: Shape) -> int:
    if not -len(shape) <= axis < len(shape):
        raise UnsupportedError(f"axis {axis} of {list(shape)}")
    return axis % len(shape)


def transpose(operator: FileOperator, scene: TfliteScene) -> Built:
    """Read a TRANSPOSE. Raises UnsupportedError."""
    given, output = scene.file_tensor(operator, 0, "input"), scene.output(operator)
    axes = [axis % (len(given.shape) or 1) for axis in scene.integers(operator, 1, "axes")]
    if sorted(axes) != list(range(len(given.shape))):
        raise UnsupportedError(f"axes {axes} of {list(given.shape)}")
    expected = tuple(given.shape[axis] for axis in axes)
    lead, found, inputs = _moved(scene, output, expected, given, kept=axes[:1] == [0])
    order = tuple(axis - lead for axis in axes[lead:])
    return [Transpose(name="", inputs=inputs, output=found, axes=order)]


def strided_slice(operator: FileOperator, scene: TfliteScene) -> Built:
    """Read a STRIDED_SLICE without ellipses and new axes; axes that shrink are a view.

    Raises UnsupportedError.
    """
    options = options_of(operator, "StridedSliceOptions")
    if options.ellipsis_mask or options.new_axis_mask or options.offset:
        raise UnsupportedError("ellipses, new axes or ends that are sizes")
    given, output = scene.file_tensor(operator, 0, "input"), scene.output(operator)
    begin, end, strides = (
        scene.integers(operator, place, what)
        for place, what in ((1, "a begin"), (2, "an end"), (3, "strides"))
    )
    if not len(begin) == len(end) == len(strides) <= len(given.shape) or 0 in strides:
        raise UnsupportedError(f"begin {begin}, end {end} and strides {strides}")
    first, steps, sizes = [0] * len(given.shape), [1] * len(given.shape), list(given.shape)
    for axis, parts in enumerate(zip(begin, end, strides, strict=True)):
        masks = (options.begin_mask, options.end_mask, options.shrink_axis_mask)
        one = _Range(parts, [mask >> axis & 1 for mask in masks])
        first[axis], sizes[axis] = one.of(given.shape[axis])
        steps[axis] = parts[2]
    return [_slice(scene, given, output, first, steps, sizes)]


class _Range:
    """Begin, end and stride of one axis, and whether each mask has it."""

    def __init__(self, parts: tuple[int, int, int], masks: list[int]) -> None:
        self.begin, self.end, self.stride = parts
        self.no_begin, self.no_end, self.shrinks = masks

    def of(self, size: int) -> tuple[int, int]:
        """Return where it begins on an axis of *size*, and how many there are."""
        if self.shrinks and self.stride < 0:
            raise UnsupportedError("an axis that goes by a negative stride")
        if self.shrinks:
            place = self.begin + size if self.begin < 0 else self.begin
            if self.no_begin:
                place = 0
            if not 0 <= place < size:
                raise UnsupportedError(f"place {self.begin} of {size}")
            return place, 1
        begin = None if self.no_begin else self.begin
        end = None if self.no_end else self.end
        places = range(size)[slice(begin, end, self.stride)]
        if not places:
            raise UnsupportedError("an empty output")
        return places[0], len(places)


def slice_(operator: FileOperator, scene: TfliteScene) -> Built:
    """Read a SLICE: a begin and sizes, of which -1 is all that is left. Raises UnsupportedError."""
    given, output = scene.file_tensor(operator, 0, "input"), scene.output(operator)
    begin = scene.integers(operator, 1, "a begin")
    given_sizes = scene.integers(operator, 2, "sizes")
    if not len(begin) == len(given_sizes) == len(given.shape):
        raise UnsupportedError(f"begin {begin} and sizes {given_sizes} of {list(given.shape)}")
    sizes = [
        whole - first if size == -1 else size
        for first, size, whole in zip(begin, given_sizes, given.shape, strict=True)
    ]
    return [_slice(scene, given, output, begin, [1] * len(begin), sizes)]


def split(operator: FileOperator, scene: TfliteScene) -> Built:
    """Read a SPLIT into equal parts: one slice for each. Raises UnsupportedError."""
    given = scene.file_tensor(operator, 1, "input")
    axis = _axis(scene.integer(operator, 0, "an axis"), given.shape)
    count = len(operator.outputs)
    if not count or given.shape[axis] % count:
        raise UnsupportedError(f"{given.shape[axis]} in {count} parts")
    return _parts(operator, scene, given, axis, [given.shape[axis] // count] * count)


def unpack(operator: FileOperator, scene: TfliteScene) -> Built:
    """Read an UNPACK: a slice for each place along an axis, which they lack."""
    options = options_of(operator, "UnpackOptions")
    given = scene.file_tensor(operator, 0, "input")
    axis = _axis(options.axis, given.shape)
    return _parts(operator, scene, given, axis, [1] * given.shape[axis])


def split_v(operator: FileOperator, scene: TfliteScene) -> Built:
    """Read a SPLIT_V into parts of given sizes, one of which may be -1. Raises UnsupportedError."""
    given = scene.file_tensor(operator, 0, "input")
    sizes = scene.integers(operator, 1, "sizes")
    axis = _axis(scene.integer(operator, 2, "an axis"), given.shape)
    if sizes.count(-1) == 1:
        sizes[sizes.index(-1)] = given.shape[axis] - (sum(sizes) + 1)
    if sum(sizes) != given.shape[axis] or min(sizes) < 1:
        raise UnsupportedError(f"{given.shape[axis]} in parts of {sizes}")
    return _parts(operator, scene, given, axis, sizes)


def _parts(
    operator: FileOperator, scene: TfliteScene, given: FileTensor, axis: int, sizes: Sequence[int]
) -> Built:
    if len(sizes) != len(operator.outputs):
        raise UnsupportedError(f"{len(operator.outputs)} outputs for {len(sizes)} parts")
    found: Built = []
    for place, (index, size) in enumerate(zip(operator.outputs, sizes, strict=True)):
        begin = [0] * len(given.shape)
        begin[axis] = sum(sizes[:place])
        shape = [*given.shape[:axis], size, *given.shape[axis + 1 :]]
        steps = [1] * len(shape)
        found.append(_slice(scene, given, scene.tensors[index], begin, steps, shape))
    return found


def _slice(
    scene: TfliteScene,
    given: FileTensor,
    output: FileTensor,
    begin: Sequence[int],
    strides: Sequence[int],
    sizes: Sequence[int],
) -> Slice:
    """Return a slice; the output's own shape may lack axes of size 1."""
    axes = zip(begin, strides, sizes, strict=True)
    last = [first + step * (size - 1) for first, step, size in axes]
    ends = zip((*begin, *last), (*given.shape, *given.shape), strict=True)
    if min(sizes, default=1) < 1 or not all(0 <= place < size for place, size in ends):
        raise UnsupportedError(f"{list(sizes)} from {list(begin)} on of {list(given.shape)}")
    if math.prod(sizes) != output.elems:
        raise UnsupportedError(f"an output of {list(output.shape)} for {list(sizes)}")
    lead = int(given.shape[:1] == (1,))
    inputs = (scene.seen(given, given.shape[lead:]),)
    found = scene.seen(output, sizes[lead:])
    if (inputs[0].dtype, inputs[0].scale, inputs[0].zero_point) != (
        found.dtype,
        found.scale,
        found.zero_point,
    ):
        raise UnsupportedError("an output with another dtype, scale or zero point")
    return Slice(
        name="",
        inputs=inputs,
        output=found,
        begin=tuple(begin[lead:]),
        strides=tuple(strides[lead:]),
    )
