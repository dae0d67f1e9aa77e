from __future__ import annotations

import io
import os
import struct
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convgen.formats import arrays
from convgen.formats.arrays import ArrayError, WantedArray

WANTED = WantedArray("int32", (2, 3))
VALUES = np.arange(6, dtype=np.int32).reshape(2, 3)


@pytest.fixture
def npz(tmp_path: Path) -> Path:
    path = tmp_path / "data.npz"
    np.savez_compressed(path, bias=VALUES, other=np.zeros(4, np.int8))
    return path


def save_npy(folder: Path, values: Any) -> Path:
    path = folder / "data.npy"
    np.save(path, values)
    return path


def test_an_npz_gives_the_named_array(npz: Path) -> None:
    np.testing.assert_array_equal(arrays.load(npz, "bias", WANTED), VALUES)
    assert arrays.names(npz) == ["bias", "other"]


@pytest.mark.parametrize("values", [VALUES, np.asfortranarray(VALUES), VALUES.astype(">i4")])
def test_an_npy_may_have_any_memory_layout(tmp_path: Path, values: Any) -> None:
    loaded = arrays.load(save_npy(tmp_path, values), None, WANTED)
    np.testing.assert_array_equal(loaded, VALUES)
    assert loaded.flags.c_contiguous
    assert loaded.dtype.isnative


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (VALUES.T, "expected int32 [2, 3], got int32 [3, 2]"),
        (VALUES.astype(np.int64), "expected int32 [2, 3], got int64 [2, 3]"),
        (VALUES.astype(np.float32), "expected int32 [2, 3], got float32 [2, 3]"),
        (np.full((2, 3), None), "expected int32 [2, 3], got pickled objects, never loaded"),
        (np.zeros((2, 3), "i4,i4"), "expected int32 [2, 3], got [('f0', '<i4'), ('f1', '<i4')]"),
    ],
)
def test_another_dtype_or_shape_is_refused(tmp_path: Path, values: Any, message: str) -> None:
    with pytest.raises(ArrayError) as caught:
        arrays.load(save_npy(tmp_path, values), None, WANTED)
    assert caught.value.field == "file"
    assert str(caught.value).startswith(message)


def test_weights_are_described_by_their_axes(tmp_path: Path) -> None:
    with pytest.raises(ArrayError, match=r"int32 \[1, 2, 3, 4\] \(out_channels, kernel height, "):
        arrays.load(save_npy(tmp_path, VALUES), None, WantedArray("int32", (1, 2, 3, 4)))


def test_a_huge_array_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "data.npy"
    header = np.lib.format.header_data_from_array_1_0(VALUES) | {"shape": (10**9, 2, 3)}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
    with pytest.raises(ArrayError, match=r"got int32 \[1000000000, 2, 3\]"):
        arrays.load(path, None, WantedArray("int32", (2, 3), batch=100))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("weights", 'expected the name of an array, got "weights"; held: "bias", "other"'),
        (None, 'expected the name of an array, got nothing; held: "bias", "other"'),
    ],
)
def test_a_missing_array_lists_those_present(npz: Path, name: str | None, message: str) -> None:
    with pytest.raises(ArrayError) as caught:
        arrays.load(npz, name, WANTED)
    assert (caught.value.field, str(caught.value)) == ("array", message)


def test_an_npy_has_no_names(tmp_path: Path) -> None:
    with pytest.raises(ArrayError, match=r'since an .npy has one array, got "bias"'):
        arrays.load(save_npy(tmp_path, VALUES), "bias", WANTED)


def test_nan_is_refused_with_its_place(tmp_path: Path) -> None:
    values = np.zeros((2, 3), np.float32)
    values[1, 2] = np.inf
    with pytest.raises(ArrayError, match=r"expected finite numbers, got inf at \[1, 2\]"):
        arrays.load(save_npy(tmp_path, values), None, WantedArray("float32", (2, 3)))


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"PK\x05\x06", b"\x93NUMPY", b"\x93NUMPY\x02\x00\x00", b"text"]
)
def test_other_content_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "data.npz"
    path.write_bytes(content)
    with pytest.raises(ArrayError, match=r"expected (an|a sound) \.npz or \.npy file"):
        arrays.load(path, None, WANTED)


def test_truncated_data_are_refused(tmp_path: Path) -> None:
    path = save_npy(tmp_path, VALUES)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ArrayError, match="its data are not 24 bytes long"):
        arrays.load(path, None, WANTED)


def test_a_damaged_zip_member_is_refused(npz: Path) -> None:
    content = bytearray(npz.read_bytes())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        info = archive.getinfo("bias.npy")
    content[info.header_offset + 30 + len("bias.npy") + 40] ^= 0xFF
    npz.write_bytes(content)
    with pytest.raises(ArrayError, match="corrupt"):
        arrays.load(npz, "bias", WANTED)


@given(st.data())
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@pytest.mark.filterwarnings("ignore:Reading `.npy`")
def test_no_damage_escapes_as_another_exception(npz: Path, data: st.DataObject) -> None:
    content = bytearray(npz.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    damaged = npz.with_name("damaged.npz")
    damaged.write_bytes(content)
    try:
        loaded = arrays.load(damaged, "bias", WANTED)
    except ArrayError:
        return
    np.testing.assert_array_equal(loaded, VALUES)  # the damage was elsewhere


def test_files_stay_inside_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "spec"
    (folder / "deep").mkdir(parents=True)
    outside = save_npy(tmp_path, VALUES)
    inside = save_npy(folder / "deep", VALUES)
    (folder / "link.npy").symlink_to(outside)
    (folder / "loop.npy").symlink_to("loop.npy")
    assert arrays.locate(folder, "deep/../deep/data.npy", allow_outside=False) == inside
    for file in ("../data.npy", str(outside), str(inside), "link.npy"):
        with pytest.raises(ArrayError, match="inside the spec's folder"):
            arrays.locate(folder, file, allow_outside=False)
        assert arrays.locate(folder, file, allow_outside=True).is_file()
    for file in ("absent.npy", "", "deep", "loop.npy", "a\0b", "x" * 5000):
        with pytest.raises(ArrayError, match=r"^expected (an \.npz or \.npy file|a path), "):
            arrays.locate(folder, file, allow_outside=False)


def test_pipes_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.npy")
    with pytest.raises(ArrayError, match="found none"):
        arrays.locate(tmp_path, "pipe.npy", allow_outside=False)


@pytest.mark.parametrize(
    ("dtype", "values"),
    [("int8", [-128, 127]), ("int32", [-(2**31), 2**31 - 1]), ("float32", [3, -0.5, 10**30])],
)
def test_inline_numbers(dtype: str, values: list[Any]) -> None:
    loaded = arrays.inline(values, WantedArray(dtype, (len(values),)))
    assert loaded.dtype == dtype
    np.testing.assert_allclose(loaded, np.array(values, np.float64), rtol=1e-7)


@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        ("int8", 128),
        ("int8", 1.0),
        ("int8", False),
        ("int32", 2**31),
        ("int32", "1"),
        ("float32", 1e39),
        ("float32", 10**400),
        ("float32", float("nan")),
        ("float32", None),
        ("float32", True),
    ],
)
def test_inline_numbers_out_of_place_are_named(dtype: str, value: Any) -> None:
    with pytest.raises(ArrayError) as caught:
        arrays.inline([[0, 0], [0, value]], WantedArray(dtype, (2, 2)))
    assert caught.value.field == "values[1][1]"


@pytest.mark.parametrize(
    "values", [[], [1, 2], [[1], [2]], [[1, 2, 3], [4, 5]], [[[1], 2], [3, 4]]]
)
def test_inline_lists_of_another_shape_are_refused(values: list[Any]) -> None:
    with pytest.raises(ArrayError, match=r"^expected a (list of 2|whole number)"):
        arrays.inline(values, WantedArray("int8", (2, 2)))


# --- files that take more than they give --------------------------------------------------------


BOMB = WantedArray("int8", (2, 2**20))


def peak_of(path: Path, name: str | None, wanted: WantedArray) -> tuple[str, int]:
    """Return what is said of the file, and the most memory taken until then."""
    tracemalloc.start()
    try:
        with pytest.raises(ArrayError) as caught:
            arrays.load(path, name, wanted)
        return str(caught.value), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_that_cannot_be_read_piece_by_piece_is_refused(
    tmp_path: Path, method: int
) -> None:
    path = tmp_path / "data.npz"
    with zipfile.ZipFile(path, "w", method) as archive, archive.open("w.npy", "w") as member:
        for _ in range(32):
            member.write(bytes(2**20))
    assert path.stat().st_size < 10_000
    said, peak = peak_of(path, "w", BOMB)
    assert said == (
        "expected an array that is stored or deflated, as NumPy does, "
        f'got "w" by zip\'s method {method}'
    )
    assert peak < 2**21


def test_a_deflated_member_takes_no_more_memory_than_the_array(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    header = {"descr": "|i1", "fortran_order": False, "shape": BOMB.shape}
    deflated = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED)
    with deflated as archive, archive.open("w.npy", "w") as member:
        np.lib.format.write_array_header_1_0(member, header)
        for _ in range(32):
            member.write(bytes(2**20))
    said, peak = peak_of(path, "w", BOMB)
    assert "its data are not 2097152 bytes long" in said
    assert peak < 4 * 2**21


def test_a_sparse_file_is_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, w=np.zeros(3, np.int8))
    with path.open("r+b") as file:  # the directory claims to be all that is before its end
        content = file.read()
        end = content[content.rindex(b"PK\5\6") :]
        size = 5 * 2**30 // 4
        file.seek(size)
        file.write(end[:12] + struct.pack("<II", size - 4, 4) + end[20:])
    said, peak = peak_of(path, "w", BOMB)
    assert said == (
        "expected a sound .npz or .npy file, got a corrupt one "
        "(its directory is longer than 1048576 bytes)"
    )
    assert peak < 2**22


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, w=np.zeros(3, np.int8))
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(ArrayError, match="expected an array without encryption"):
        arrays.load(path, "w", WANTED)


def test_few_of_many_names_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for index in range(5000):
            archive.writestr(f"{index:04}\x1b[31m{'x' * 100}.npy", b"")
    with pytest.raises(ArrayError) as caught:
        arrays.load(path, "w", WANTED)
    assert str(caught.value).endswith("and 4980 more")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize(
    ("descr", "shape"),
    [
        ([("a", "<i4"), ("b", "<i4")], (1, 3)),
        ("<i4", (-2, -3)),
        ("<i4", (2**70, 3)),
        ("<M8[s]", (2, 3)),
        ("|V4", (2, 3)),
        ("<i4", ()),
    ],
)
def test_a_header_that_is_not_the_arrays_is_refused(
    tmp_path: Path, descr: Any, shape: tuple[int, ...]
) -> None:
    path = tmp_path / "data.npy"
    with path.open("wb") as file:
        header = {"descr": descr, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        file.write(bytes(24))
    with pytest.raises(ArrayError, match=r"expected int32 \[2, 3\], got |corrupt"):
        arrays.load(path, None, WANTED)
