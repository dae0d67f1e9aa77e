"""From ``layer.json`` to a complete, checked operator, or every reason why not."""

from __future__ import annotations

from pathlib import Path

from convgen.errors import SpecError
from convgen.formats import schema
from convgen.formats.schema import AddSpec, ConnectedSpec, LayerSpec, PoolSpec, TransposedSpec
from convgen.model.operator import Operator
from convgen.system import files
from convgen.system.files import Unreadable

MAX_SPEC_BYTES = 4 * 2**20


def load(path: Path, *, allow_outside: bool = False, seed: int = 0) -> Operator:
    """Read the spec at *path*.

    Files it names are relative to its folder and inside it unless *allow_outside*. Numbers it
    leaves out are made up from *seed*. Raises SpecError with every problem found: those of
    structure first, then of shapes and quantisation, then of arrays, then of int32 overflow.
    """
    spec = schema.parse(_read(path))
    match spec:
        case LayerSpec() | ConnectedSpec():
            from convgen.formats import conv2d

            return conv2d.build(spec, path.parent, allow_outside=allow_outside, seed=seed)
        case TransposedSpec():
            from convgen.formats import transposed

            return transposed.build(spec, path.parent, allow_outside=allow_outside, seed=seed)
        case PoolSpec() | AddSpec():
            from convgen.formats import simple

            return simple.add(spec) if isinstance(spec, AddSpec) else simple.pool(spec)


def _read(path: Path) -> str:
    try:
        with files.opened(path) as file:
            content = file.read(MAX_SPEC_BYTES + 1)
    except Unreadable as error:
        raise SpecError([f"{path}: cannot read the spec: {error}"]) from None
    if len(content) > MAX_SPEC_BYTES:
        limit = f"at most {MAX_SPEC_BYTES} bytes (put large weights into an .npz)"
        raise SpecError([f"the spec: expected {limit}, got more"])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpecError([f"the spec: expected UTF-8 text, byte {error.start} is not"]) from None
