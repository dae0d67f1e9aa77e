"""Arrays from .npz and .npy files and from nested lists, checked before they are read.

A file is only ever parsed as raw numbers: object arrays, which NumPy stores as pickles, are
refused by their header. Dtype and shape are compared with what the layer needs before any data
is read. A member of an archive must be stored or deflated: other methods cannot be undone piece by
piece. So no file makes memory grow beyond the layer's own
tensors.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any, BinaryIO, Literal, TypeVar, cast

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from convgen.formats.limits import LARGEST_BIAS, MAX_TENSOR_BYTES
from convgen.formats.schema import show
from convgen.model.quantize import INT4, INT8, INT32
from convgen.printable import word
from convgen.system import files
from convgen.system.files import Unreadable

MOST_DIRECTORY_BYTES = 2**20  # of an archive: some ten thousand members
MOST_HEADER_BYTES = 2**16 + 10  # of an .npy of format 1.0
MOST_LISTED = 20  # names in a message
MOST_QUOTED = 200  # characters of what others say
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED = 1  # of a member's flags

_T = TypeVar("_T")
_FLOAT32_MAX = float(np.finfo(np.float32).max)
_NO_ARRAYS = "expected an .npz or .npy file, got something else"
_WEIGHT_AXES = "(out_channels, kernel height, kernel width, in_channels / groups)"


class ArrayError(Exception):
    """An array that cannot be used."""

    def __init__(self, field: str, message: str) -> None:
        """Keep *field*, the part of the array's spec at fault, and *message*."""
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class WantedArray:
    """The dtype and shape an array must have; also ``[N, *shape]`` with N up to *batch*.

    There each may be ``[1, *shape]``, as TensorFlow Lite has its tensors.
    ``also``: another shape that will do, ``or_dtype`` another dtype. Where ``bits`` are 4, so many
    must hold every number.
    """

    dtype: str
    shape: tuple[int, ...]
    batch: int = 0
    also: tuple[int, ...] | None = None
    or_dtype: str | None = None
    bits: int | None = None

    def accepts(self, dtype: np.dtype[Any], shape: tuple[int, ...]) -> bool:
        """Whether an array like this will do; either byte order will."""
        if dtype.newbyteorder("=") not in map(np.dtype, filter(None, (self.dtype, self.or_dtype))):
            return False
        if shape in (self.shape, self.also):
            return True
        is_one = shape[1:] in (self.shape, (1, *self.shape))
        return bool(shape) and is_one and 0 < shape[0] <= self.batch

    def __str__(self) -> str:
        """Say it as messages do."""
        dtypes = " or ".join(filter(None, (self.dtype, self.or_dtype)))
        text = f"{dtypes} {list(self.shape)}"
        if self.batch:
            sizes = ", ".join(map(str, self.shape))
            return f"{text} or [N, {sizes}] with N at most {self.batch}"
        text += f" {_WEIGHT_AXES}" if len(self.shape) == 4 else ""
        return text if self.also is None else f"{text} or {list(self.also)}"


def locate(folder: Path, file: str, *, allow_outside: bool) -> Path:
    """Return the path of *file*, relative to *folder* and inside it unless *allow_outside*.

    Symbolic links count by where they lead. Raises ArrayError.
    """
    try:
        path = (folder / file).resolve()
        inside = not Path(file).is_absolute() and path.is_relative_to(folder.resolve())
        is_file = path.is_file()
    except (OSError, ValueError, RuntimeError) as error:  # too long, holds a NUL, links in a loop
        why = getattr(error, "strerror", None) or error
        raise ArrayError("file", f"expected a path, got {show(file)}: {why}") from None
    if not inside and not allow_outside:
        expected = "expected a path inside the spec's folder (or the option --allow-outside)"
        raise ArrayError("file", f"{expected}, got {show(file)}")
    if not is_file:
        raise ArrayError("file", f"expected an .npz or .npy file, found none at {show(file)}")
    return path


def load(path: Path, name: str | None, wanted: WantedArray) -> NDArray[Any]:
    """Read the array *name* of an .npz, or an .npy if *name* is None.

    The result is C-contiguous, in native byte order and finite. Raises ArrayError.
    """
    values: NDArray[Any] = _guarded(path, lambda file: _read(file, name, wanted))
    if not np.isfinite(values).all():
        where = [int(i) for i in np.argwhere(~np.isfinite(values))[0]]
        found = f"{values[tuple(where)]} at {where}"
        raise ArrayError(_fault(name), f"expected finite numbers, got {found}")
    if wanted.bits == 4 and not {int(values.min()), int(values.max())} <= set(INT4):
        found = f"some from {values.min()} to {values.max()}"
        raise ArrayError(_fault(name), f"expected numbers from -8 to 7, got {found}")
    return values


def names(path: Path) -> list[str]:
    """Return the names of the arrays in an .npz. Raises ArrayError."""
    return _guarded(path, lambda file: _members(_archive(file)))


def _guarded(path: Path, read: Callable[[BinaryIO], _T]) -> _T:
    """Call *read* on the open file; whatever goes wrong becomes an ArrayError."""
    try:
        with files.opened(path) as file:
            return read(file)
    except ArrayError:
        raise
    except Unreadable as error:
        raise ArrayError("file", f"cannot read {word(path.name)}: {error}") from None
    except Exception as error:
        # zipfile, its decompressors and NumPy's header parser raise a dozen kinds of exception.
        why = word(str(error), MOST_QUOTED)
        message = f"expected a sound .npz or .npy file, got a corrupt one ({why})"
        raise ArrayError("file", message) from None


def _read(file: BinaryIO, name: str | None, wanted: WantedArray) -> NDArray[Any]:
    start = file.read(len(npy.MAGIC_PREFIX))
    file.seek(0)
    if start == npy.MAGIC_PREFIX:
        if name is not None:
            raise ArrayError(
                "array", f"expected none, since an .npy has one array, got {show(name)}"
            )
        return _read_npy(file, name, wanted)
    if not start.startswith(b"PK"):
        raise ArrayError("file", _NO_ARRAYS)
    archive = _archive(file)
    members = _members(archive)
    if name not in members:
        listed = ", ".join(map(show, members[:MOST_LISTED])) or "no array"
        more = f" and {len(members) - MOST_LISTED} more" if len(members) > MOST_LISTED else ""
        got = "nothing" if name is None else show(name)
        expected = "expected the name of an array"
        raise ArrayError("array", f"{expected}, got {got}; held: {listed}{more}")
    member = archive.getinfo(f"{name}.npy")
    _check(member, name)
    with archive.open(member) as content:
        return _read_npy(content, name, wanted)


class _Bounded(io.RawIOBase):
    """A file of which no more than so much is read at once, whatever its own records claim."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.most: int = MOST_DIRECTORY_BYTES

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        content = self._file.read(self.most + 1 if size < 0 else min(size, self.most + 1))
        if len(content) > self.most:
            raise ValueError(f"its directory is longer than {self.most} bytes")
        return content


def _archive(file: BinaryIO) -> zipfile.ZipFile:
    bounded = _Bounded(file)
    archive = zipfile.ZipFile(cast(BinaryIO, bounded))
    bounded.most = MAX_TENSOR_BYTES + MOST_HEADER_BYTES  # of the data of a member
    return archive


def _members(archive: zipfile.ZipFile) -> list[str]:
    return sorted(name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy"))


def _check(member: zipfile.ZipInfo, name: str) -> None:
    """Refuse a member that cannot be the array, or cannot be read piece by piece."""
    if member.flag_bits & ENCRYPTED:
        raise ArrayError("array", f"expected an array without encryption, got {show(name)} with it")
    if member.compress_type not in METHODS:
        expected = "expected an array that is stored or deflated, as NumPy does"
        got = f"{show(name)} by zip's method {member.compress_type}"
        raise ArrayError("array", f"{expected}, got {got}")
    if member.compress_size > _most_deflated(member.file_size):
        raise ValueError(f"{member.compress_size} bytes stand for {member.file_size}")


def _most_deflated(size: int) -> int:
    """Return more bytes than any deflater needs for so many."""
    return size + size // 8 + 1024


def _read_npy(file: IO[bytes], name: str | None, wanted: WantedArray) -> NDArray[Any]:
    version = npy.read_magic(file)
    if version != (1, 0):
        raise ValueError(f"format {version} where plain numbers have 1.0")
    shape, fortran_order, dtype = npy.read_array_header_1_0(file)
    if dtype.hasobject:
        raise ArrayError(_fault(name), f"expected {wanted}, got pickled objects, never loaded")
    if not wanted.accepts(dtype, shape):
        got = f"{word(str(dtype), MOST_QUOTED)} {word(str(list(shape)), MOST_QUOTED)}"
        raise ArrayError(_fault(name), f"expected {wanted}, got {got}")
    data_bytes = math.prod(shape) * dtype.itemsize
    data = file.read(data_bytes + 1)  # one more: a zip member's checksum is compared at its end
    if len(data) != data_bytes:
        raise ValueError(f"its data are not {data_bytes} bytes long")
    order: Literal["F", "C"] = "F" if fortran_order else "C"
    values = np.frombuffer(data, dtype).reshape(shape, order=order)
    return np.ascontiguousarray(values, dtype.newbyteorder("="))


def _fault(name: str | None) -> str:
    """Return the field to blame for what an array holds."""
    return "file" if name is None else "array"


_INLINE: dict[str, tuple[Callable[[Any], bool], str]] = {
    "int4": (
        lambda value: type(value) is int and value in INT4,
        "a whole number from -8 to 7",
    ),
    "int8": (
        lambda value: type(value) is int and INT8.min <= value <= INT8.max,
        "a whole number from -128 to 127",
    ),
    "int32": (
        lambda value: type(value) is int and INT32.min <= value <= INT32.max,
        "a whole number that int32 can hold",
    ),
    "int64": (
        lambda value: type(value) is int and abs(value) < LARGEST_BIAS,
        f"a whole number below {LARGEST_BIAS:,}",
    ),
    "float32": (
        lambda value: type(value) in (int, float) and abs(value) <= _FLOAT32_MAX,
        "a number that float32 can hold",
    ),
}


def inline(values: list[Any], wanted: WantedArray) -> NDArray[Any]:
    """Return nested lists, as parsed from JSON, as an array. Raises ArrayError.

    The shape is that of the nesting.
    """
    shape, level = wanted.shape, [values]
    for depth, size in enumerate(shape):
        for index, item in enumerate(level):
            if not isinstance(item, list) or len(item) != size:
                raise _inline_error(index, shape[:depth], f"a list of {size}", item)
        level = list(chain.from_iterable(level))
    fits, expected = _INLINE["int4" if wanted.bits == 4 else wanted.dtype]
    for index, value in enumerate(level):
        if not fits(value):
            raise _inline_error(index, shape, expected, value)
    return np.array(level, wanted.dtype).reshape(shape)


def _inline_error(index: int, shape: tuple[int, ...], expected: str, value: Any) -> ArrayError:
    where = np.unravel_index(index, shape) if shape else ()
    field = "values" + "".join(f"[{i}]" for i in where)
    return ArrayError(field, f"expected {expected}, got {show(value)}")
