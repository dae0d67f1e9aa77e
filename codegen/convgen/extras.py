"""The optional Python packages of extras, and what to say where one is missing."""

from __future__ import annotations

from importlib import import_module, util
from pathlib import Path
from typing import Any

from convgen.errors import ToolError

INSTALL = 'pip install "convgen[portable]"'
BOARD = 'pip install "convgen[board]"'
COMPLETION = 'pip install "convgen[completion]"'
ONNX = 'pip install "convgen[onnx]"'
ONNX_RUNTIME = "pip install onnxruntime"


def folder(package: str) -> Path | None:
    """Return where *package* is installed; None: it is not."""
    spec = util.find_spec(package)
    places = spec.submodule_search_locations if spec else None
    return Path(places[0]) if places else None


def load(package: str, purpose: str, install: str = INSTALL) -> Any:
    """Return the module *package*; ToolError that says its *purpose* if it cannot be loaded."""
    try:
        return import_module(package)
    except ImportError as error:
        raise ToolError(
            f"cannot load the Python package {package}, which {purpose}: {error}\n"
            f"  to install it: {install}"
        ) from None
