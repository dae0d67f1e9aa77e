"""Models in files of several formats, as graphs: which reader reads which file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from convgen.choices import Reference
from convgen.errors import SpecError

if TYPE_CHECKING:
    from convgen.formats.tflite.reader import Imported, ReadOperator


@dataclass(frozen=True, slots=True)
class Read:
    """A model's operators, supported or not, and what makes a graph of them if they are."""

    entries: tuple[ReadOperator, ...]
    imported: Callable[[str], Imported]


@contextmanager
def _about(path: Path) -> Iterator[None]:
    """Let each problem begin with the *path* of the model."""
    try:
        yield
    except SpecError as error:
        raise SpecError([f"{path}: {problem}" for problem in error.problems]) from None


def load(path: Path, name: str, reference: Reference = "litert") -> Imported:
    """Read the model at *path* as a graph called *name*. Raises SpecError, ToolError."""
    with _about(path):
        if path.suffix.lower() == ".onnx":
            from convgen.formats.onnx import reader as onnx

            return onnx.load(path, name, reference)
        from convgen.formats.tflite import reader as tflite

        return tflite.load(path, name, reference)


def read(path: Path) -> Read:
    """Read the operators of the model at *path*. Raises SpecError, ToolError."""
    with _about(path):
        if path.suffix.lower() == ".onnx":
            from convgen.formats.onnx import reader as onnx

            model = onnx.read(path)
            return Read(onnx.entries(model), _about(path)(lambda name: onnx.imported(model, name)))
        from convgen.formats.tflite import reader as tflite

        subgraphs = tflite.read(path)
        return Read(
            tflite.entries(subgraphs), _about(path)(lambda name: tflite.imported(subgraphs, name))
        )
