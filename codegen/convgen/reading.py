"""A path as what it describes: a layer, or a network with its passes done."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from convgen.errors import UsageError
from convgen.model.graph import Graph, Origin
from convgen.model.operator import Operator
from convgen.options import ReadOptions, is_model
from convgen.printable import word


def read(path: Path, options: ReadOptions) -> Operator | Graph:
    """Return the layer of a spec, the operator that is chosen of a model, or the whole model."""
    if options.layer is not None:
        from convgen import extracting

        return extracting.layer_of(path, options.layer, options)
    if is_model(path):
        return _network(path, options)
    from convgen.formats import spec

    return spec.load(path, allow_outside=options.allow_outside, seed=options.seed)


def _network(path: Path, options: ReadOptions) -> Graph:
    from convgen.formats import models
    from convgen.model.passes import simplified
    from convgen.model.passes.ends import quantized_ends
    from convgen.model.passes.states import settle_states

    model = models.load(path, _name(path, options), options.reference)
    graph = model.graph
    if options.ends == "quantized":
        graph = quantized_ends(graph)
    graph, saved = simplified(graph)
    origin = Origin(
        ends=options.ends,
        reference=options.reference,
        saved=saved,
        numbers=model.numbers,
        onnx=model.onnx,
    )
    return replace(settle_states(graph), origin=origin)


def _name(path: Path, options: ReadOptions) -> str:
    """Return the prefix of symbols and files. Raises UsageError."""
    from convgen.formats.tflite.scene import identifier

    return identifier(path.stem, set()) if options.name is None else checked_name(options.name)


def checked_name(name: str) -> str:
    """Return *name*, which ``--name`` says. Raises UsageError."""
    from convgen.ctext.identifiers import objection

    if found := objection(name):
        raise UsageError(f"--name: expected {found}, got '{word(name)}'")
    return name
