"""One operator of a model as a layer, or each of them as a layer spec in a folder of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen.bench.proof import vectors
from convgen.ctext import identifiers
from convgen.errors import UsageError
from convgen.formats import models, writing
from convgen.formats.tflite.reader import ReadOperator
from convgen.model.operator import Operator
from convgen.model.passes import rewriting
from convgen.model.tensor import numbered
from convgen.options import ReadOptions
from convgen.printable import word
from convgen.system.publishing import publish
from convgen.system.staging import staging_folder

SPEC, VECTORS = "layer.json", "vectors.npz"
FILES = (SPEC, writing.DATA, VECTORS)
MOST_LISTED = 5  # names in a message


def layer_of(path: Path, which: str, options: ReadOptions) -> Operator:
    """Return the operator *which* of the model at *path*, by index or output, as a layer.

    Raises UsageError where there is none, or none that a layer can be.
    """
    entry = _find(models.load(path, "model", options.reference).entries, which)
    found = [operator for operator in entry.operators if writing.is_writable(operator)]
    if not found:
        what = entry.operators[0].title if entry.operators else "nothing that computes"
        raise UsageError(
            f"--layer: expected a convolution, fully connected operator, pooling or addition of "
            f"two tensors, got operator {entry.index}, {entry.kind}: {what}"
        )
    return as_layer(found[-1], options.name)


def _find(entries: Sequence[ReadOperator], which: str) -> ReadOperator:
    if which.isascii() and which.isdecimal():
        number = int(which[:20])
        if number < len(entries):
            return entries[number]
    for entry in entries:
        if which in (entry.name, *(operator.name for operator in entry.operators)):
            return entry
    names = [word(entry.name, 40) for entry in entries if entry.operators]
    listed = ", ".join([*names[:MOST_LISTED], *(["..."] if len(names) > MOST_LISTED else [])])
    expected = f"an index from 0 to {len(entries) - 1} or the name of an output ({listed})"
    raise UsageError(f"--layer: expected {expected}, got '{word(which)}'")


def as_layer(operator: Operator, name: str | None) -> Operator:
    """Return *operator* with the names of tensors that layers have, and a *name* of its own.

    Raises UsageError.
    """
    if name is not None and (problem := identifiers.objection(name)):
        raise UsageError(f"--name: expected {problem}, got '{word(name)}'")
    inputs = numbered("input", len(operator.inputs))
    found = rewriting.with_inputs(operator, inputs)
    found = rewriting.writing(found, "output")
    return replace(found, name=name or operator.name)  # type: ignore[type-var]


def extract(path: Path, out: Path, options: ReadOptions) -> list[str]:
    """Write the operator *options* name, or each that a spec can say, into *out*; say what it was.

    One is written into *out* itself, each of several into a folder there by its index and name.
    Raises UsageError.
    """
    layers: dict[str, Operator] = {}
    skipped: list[str] = []
    if options.layer is not None:
        layers["."] = layer_of(path, options.layer, options)
    else:
        for entry in models.load(path, "model", options.reference).entries:
            able = [operator for operator in entry.operators if writing.is_writable(operator)]
            skipped += [] if able else [f"{entry.index} {entry.kind.lower()}"]
            layers |= {f"{entry.index:02}_{each.name}": as_layer(each, None) for each in able}
    if not layers:
        raise UsageError("--extract: expected a model with operators that a spec can say, got none")
    names = [f"{folder}/{file}" for folder in layers for file in FILES]
    with _named(), staging_folder(out, names) as stage:
        made = stage / "made"
        for folder, layer in layers.items():
            _write(made / folder, layer, options.seed)
        publish(made, out)
    said = [f"{out / folder / SPEC}: {layer.title}" for folder, layer in layers.items()]
    if skipped:
        said.append(f"not written, as no spec can say them: {', '.join(skipped)}")
    return said


@contextmanager
def _named() -> Iterator[None]:
    """Let what is wrong with the folder be said of the option that named it."""
    try:
        yield
    except UsageError as error:
        raise UsageError(str(error).replace("--out:", "--extract:", 1)) from None


def _write(folder: Path, layer: Operator, seed: int) -> None:
    """Write the spec, its arrays and golden vectors into *folder*."""
    folder.mkdir(parents=True, exist_ok=True)
    spec = writing.written(layer)
    text = json.dumps(spec.fields, indent=2) + "\n"
    (folder / SPEC).write_text(text, encoding="utf-8", newline="\n")
    inputs = vectors.inputs_of(layer, seed)
    outputs = layer.compute(*inputs)
    dtype = np.dtype(layer.dtype)
    named: dict[str, NDArray[Any]] = dict(zip(numbered("input", len(inputs)), inputs, strict=True))
    named["output"] = outputs[0].astype(dtype)
    _save(folder / VECTORS, named)
    if spec.arrays:
        _save(folder / writing.DATA, dict(spec.arrays))


def _save(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    named: dict[str, Any] = {name: np.ascontiguousarray(a) for name, a in arrays.items()}
    np.savez_compressed(path, **named)
