"""Models in files of several formats, as graphs: which reader reads which file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from convgen.choices import Reference

if TYPE_CHECKING:
    from convgen.formats.tflite.reader import Imported, ReadOperator


@dataclass(frozen=True, slots=True)
class Read:
    """A model's operators, supported or not, and what makes a graph of them if they are."""

    entries: tuple[ReadOperator, ...]
    imported: Callable[[str], Imported]


def load(path: Path, name: str, reference: Reference = "litert") -> Imported:
    """Read the model at *path* as a graph called *name*. Raises SpecError, ToolError."""
    if path.suffix.lower() == ".onnx":
        from convgen.formats.onnx import reader as onnx

        return onnx.load(path, name, reference)
    from convgen.formats.tflite import reader as tflite

    return tflite.load(path, name, reference)


def read(path: Path) -> Read:
    """Read the operators of the model at *path*. Raises SpecError, ToolError."""
    if path.suffix.lower() == ".onnx":
        from convgen.formats.onnx import reader as onnx

        model = onnx.read(path)
        return Read(onnx.entries(model), lambda name: onnx.imported(model, name))
    from convgen.formats.tflite import reader as tflite

    subgraphs = tflite.read(path)
    return Read(tflite.entries(subgraphs), lambda name: tflite.imported(subgraphs, name))
