"""Bad input ends with status 2 and one message that says what is wrong; nothing is written."""

from __future__ import annotations

import errno
import json
import os
import time
import tracemalloc
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest

import minimal
from cases import CASES
from command import convgen, convgen_process, generated, message, refused, tree, write_spec
from convgen.resources import data_dir

BAD_SPECS = sorted((Path(__file__).parent / "specs" / "bad").glob("*.json"))
FROM_FILE = {"file": "data.npz", "array": "weights", "scale": 0.5}
WEIGHTS = minimal.inline()["weights"]["values"]
MIB = 2**20


pytestmark = pytest.mark.usefixtures("workplace")


class Trap:
    """An object whose pickle, when loaded, leaves a file behind."""

    def __reduce__(self) -> tuple[Callable[..., None], tuple[Path]]:
        return Path.touch, (Path("unpickled"),)


def truncated(path: Path) -> None:
    np.savez(path, weights=np.array(WEIGHTS, np.int8))
    path.write_bytes(path.read_bytes()[:-30])


def damaged(path: Path) -> None:
    np.savez(path, weights=np.array(WEIGHTS, np.int8))
    content = path.read_bytes()
    path.write_bytes(content.replace(b"\x01\x80\x7f\x00", b"\x01\x80\x7f\x01"))


def saved(**arrays: Any) -> Callable[[Path], None]:
    return lambda path: np.savez(path, **arrays)


# --- the spec -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", BAD_SPECS, ids=lambda path: path.stem)
def test_a_bad_spec_is_refused_with_the_message_beside_it(path: Path) -> None:
    expected = path.with_suffix(".txt").read_text().rstrip("\n")
    assert refused(2, "-t", "cortex-m4", path) == expected


AXES = "(out_channels, kernel height, kernel width, in_channels / groups)"
BAD_FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (
        lambda path: None,
        'weights.file: expected an .npz or .npy file, found none at "data.npz"',
    ),
    "corrupt": (
        lambda path: path.write_bytes(b"PK\3\4 and no more"),
        "weights.file: expected a sound .npz or .npy file, got a corrupt one (",
    ),
    "truncated": (
        truncated,
        "weights.file: expected a sound .npz or .npy file, got a corrupt one (",
    ),
    "damaged": (
        damaged,
        "weights.file: expected a sound .npz or .npy file, got a corrupt one (Bad CRC",
    ),
    "text": (
        lambda path: path.write_text("[[1, 2]]"),
        "weights.file: expected an .npz or .npy file, got something else",
    ),
    "pickled": (
        saved(weights=np.array([Trap()], dtype=object)),
        f"weights.array: expected int8 [2, 1, 1, 2] {AXES}, got pickled objects, never loaded",
    ),
    "wrong-dtype": (
        saved(weights=np.zeros((2, 1, 1, 2))),
        f"weights.array: expected int8 [2, 1, 1, 2] {AXES}, got float64 [2, 1, 1, 2]",
    ),
    "wrong-shape": (
        saved(weights=np.zeros((1, 1, 2, 2), np.int8)),
        f"weights.array: expected int8 [2, 1, 1, 2] {AXES}, got int8 [1, 1, 2, 2]",
    ),
    "wrong-name": (
        saved(kernel=np.zeros((2, 1, 1, 2), np.int8)),
        'weights.array: expected the name of an array, got "weights"; held: "kernel"',
    ),
}


@pytest.mark.parametrize(("make", "expected"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_array_file_is_refused(make: Callable[[Path], object], expected: str) -> None:
    make(Path("data.npz"))
    write_spec(minimal.inline(weights=FROM_FILE))
    found = refused(2, "-t", "cortex-m4", "layer.json")
    assert found.startswith(expected)
    assert "\n" not in found


def test_a_weight_that_is_no_number_is_refused_with_its_place() -> None:
    weights = np.zeros((2, 1, 1, 2), np.float32)
    weights[1, 0, 0, 1] = np.nan
    np.savez("data.npz", weights=weights)
    fields = minimal.made_up(
        input={"shape": [2, 2, 2], "dtype": "float32"},
        out_channels=2,
        kernel_size=1,
        weights={"file": "data.npz", "array": "weights"},
    )
    assert refused(2, "-t", "cortex-m4", write_spec(fields)) == (
        "weights.array: expected finite numbers, got nan at [1, 0, 0, 1]"
    )


@pytest.mark.parametrize("absolute", [False, True], ids=["dots", "absolute"])
def test_files_outside_the_folder_of_the_spec_need_permission(absolute: bool) -> None:
    np.savez("data.npz", weights=np.array(WEIGHTS, np.int8))
    file = str(Path("data.npz").resolve()) if absolute else "../data.npz"
    write_spec(minimal.inline(weights=FROM_FILE | {"file": file}), Path("inner/layer.json"))
    command = ("-t", "cortex-m4", "--emulator", "none", "inner/layer.json")
    assert refused(2, *command).startswith(
        "weights.file: expected a path inside the spec's folder (or the option --allow-outside), "
        'got "'
    )
    generated("--allow-outside", *command)


def test_a_symbolic_link_out_of_the_folder_of_the_spec_needs_permission() -> None:
    np.savez("data.npz", weights=np.array(WEIGHTS, np.int8))
    write_spec(minimal.inline(weights=FROM_FILE), Path("inner/layer.json"))
    Path("inner/data.npz").symlink_to("../data.npz")
    assert "--allow-outside" in refused(2, "-t", "cortex-m4", "inner/layer.json")


MANY_WRONG_SCALES = json.dumps(minimal.inline(weights={"scale": ["a"] * 800_000}))
MANY_FIELDS = json.dumps({f"f{i}": 0 for i in range(300_000)}, separators=(",", ":"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[" * 10 * MIB, "the spec: expected at most 4194304 bytes"),
        ("[[]," * (10 * MIB // 4), "the spec: expected at most 4194304 bytes"),
        ("[" * 4 * MIB, "the spec: expected lists a few levels deep, got too many"),
        (
            json.dumps(minimal.inline(weights={"values": [[[]]] * 500_000, "scale": 1})),
            "weights.values: expected a list of 2, got a list of 500000",
        ),
        (
            json.dumps(minimal.made_up(input={"shape": [100000, 100000, 64], "dtype": "int8"})),
            "input.shape: expected a tensor of at most 67108864 bytes, "
            "got 640000000000 for [100000, 100000, 64]",
        ),
        (
            MANY_WRONG_SCALES,
            'weights.scale[0]: expected a positive number that float32 can hold, got "a"',
        ),
        (MANY_FIELDS, "the spec: expected objects of at most 1000 fields, got one of 300000"),
    ],
    ids=[
        *("10-MB-deep", "10-MB-long", "4-MB-deep", "4-MB-of-weights", "640-GB-shape"),
        *("4-MB-of-scales", "4-MB-of-fields"),
    ],
)
def test_a_spec_out_of_all_proportion_is_refused_quickly(text: str, expected: str) -> None:
    Path("layer.json").write_text(text)
    start = time.process_time()
    assert refused(2, "-t", "cortex-m4", "layer.json").startswith(expected)
    assert time.process_time() - start < 5  # s of CPU, also on a busy computer


@pytest.mark.parametrize(
    "text",
    [
        "[[]," * (10 * MIB // 4),
        '{"input": {"shape": [100000, 100000, 64]}}',
        MANY_WRONG_SCALES,
        MANY_FIELDS,
    ],
    ids=["long", "shape", "scales", "fields"],
)
def test_a_spec_out_of_all_proportion_takes_little_memory(text: str) -> None:
    Path("layer.json").write_text(text)
    tracemalloc.start()
    convgen("-t", "cortex-m4", "layer.json")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 * MIB


def test_a_spec_that_is_a_pipe_is_refused() -> None:
    os.mkfifo("pipe.json")
    found = refused(2, "-t", "cortex-m4", "pipe.json")
    assert found == "pipe.json: cannot read the spec: not a regular file"


def test_a_spec_that_is_not_there_is_refused() -> None:
    found = refused(2, "-t", "cortex-m4", "absent.json")
    assert found == "absent.json: cannot read the spec: No such file or directory"


# --- the command line ---------------------------------------------------------------------------


BAD_OPTIONS = {  # after a command line that would do
    "more.json": "more.json: cannot read the spec: No such file or directory",
    "--speed": "unrecognized arguments: --speed",
    "--opt=speed": "unrecognized arguments: --opt=speed",
    "-b": "argument -b/--budget: expected one argument",
    "-b 64q": "--budget: expected a size such as 64k, 1M or 65536, got '64q'",
    "-b 1G": "a budget of 1073741824 bytes is more than the emulated machine has; the largest",
    "--flash 1.5M": "--flash: expected a size such as 64k, 1M or 65536, got '1.5M'",
    "--optimize size": "argument --optimize: invalid choice: 'size' (choose from ",
    "--algorithm im2colp2": "--algorithm: expected one of direct, im2col, ",
    "--emulator spike": "--emulator: expected one of auto, qemu-system, ",
    "--toolchain icc": "argument --toolchain: invalid choice: 'icc' (choose from ",
    "--format xml": "argument --format: invalid choice: 'xml' (choose from ",
    "--seed pi": "--seed: expected a whole number, got 'pi'",
    "--seed -1": "--seed: expected 0 or a positive integer below 2**63, got -1",
    "--schema --list-targets": "argument --list-targets: not allowed with argument --schema",
    "-t cortex-m5": "unknown target 'cortex-m5'; did you mean cortex-m55?",
    "-t z80": "unknown target 'z80'; --list-targets has all names",
    "-t board.toml": "board.toml: cannot be read: No such file or directory",
    "-t host --emulator qemu-system": "host does not run under 'qemu-system'; it does under: ",
}


@pytest.mark.parametrize("options", BAD_OPTIONS)
def test_a_bad_option_is_refused(options: str) -> None:
    found = refused(2, "-t", "cortex-m4", "layer.json", *options.split())
    assert found.startswith(BAD_OPTIONS[options])


def test_a_spec_and_a_target_are_needed() -> None:
    assert refused(2, "-t", "cortex-m4") == "SPEC is required; see convgen --help"
    assert refused(2, "layer.json") == "-t/--target is required; see convgen --help"


def test_a_misspelt_option_shows_the_usage() -> None:
    found = refused(2, "-t", "cortex-m4", "--algoritm", "direct", "layer.json")
    assert "usage: convgen [-h] [-t NAME] [-b SIZE]" in found


def test_a_misspelt_algorithm_gets_a_suggestion() -> None:
    found = refused(2, "-t", "cortex-m4", "--algorithm", "im2colp2", "layer.json")
    assert found.endswith("got 'im2colp2' (did you mean 'im2col_p2'?)")


def test_an_algorithm_that_cannot_do_the_layer_says_why() -> None:
    write_spec(CASES["pointwise"])
    found = refused(2, "-t", "cortex-m4", "--algorithm", "im2col_p4", "layer.json")
    assert found == (
        "--algorithm: cannot do this layer: im2col_p4: "
        "needs an inner loop of 4 at a time; this layer has one of 2 on this core"
    )


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("[cpu]", "[cpu"), "my-board.toml: not TOML: "),
        (('ram = "256k"', 'ram = "256q"'), "my-board.toml: memory.ram: expected a size such as"),
        (('ram = "256k"', ""), "my-board.toml: memory.ram: missing"),
        (('ram = "256k"', 'ram = "256k"\nrom = 4'), "my-board.toml: memory.rom: unknown key"),
        (('machine = "mps2-an386"', 'machine = "mps2"'), "my-board.toml: unknown machine 'mps2'"),
    ],
    ids=["syntax", "size", "missing", "unknown-key", "unknown-machine"],
)
def test_a_bad_target_file_is_refused(change: tuple[str, str], expected: str) -> None:
    board = (data_dir("targets") / "cortex-m4.toml").read_text()
    Path("my-board.toml").write_text(board.replace(*change))
    assert refused(2, "-t", "my-board.toml", "layer.json").startswith(expected)


# --- test vectors -------------------------------------------------------------------------------


IMAGE = np.zeros((6, 7, 3), np.int8)
BAD_VECTORS: dict[str, tuple[dict[str, Any], str]] = {
    "shape": ({"input": IMAGE.T}, "input: expected int8 [6, 7, 3] or [N, 6, 7, 3] with "),
    "dtype": (
        {"input": IMAGE * 0.5},
        "input: expected int8 [6, 7, 3] or [N, 6, 7, 3] with ",
    ),
    "empty": ({"input": IMAGE[None][:0]}, "input: expected int8 [6, 7, 3] or [N, 6, 7, 3] with "),
    "pickled": (
        {"input": np.array([Trap()])},
        "input: expected int8 [6, 7, 3] or [N, 6, 7, 3] with ",
    ),
    "name": (
        {"images": IMAGE},
        'input: expected the name of an array, got "input"; held: "images"',
    ),
    "output": (
        {"input": IMAGE, "output": IMAGE},
        "output: expected int8 [6, 7, 6] or [N, 6, 7, 6]",
    ),
    "counts": (
        {"input": IMAGE, "output": np.zeros((2, 6, 7, 6), np.int8)},
        "expected as many outputs as inputs (1), got 2",
    ),
}


@pytest.mark.parametrize(("arrays", "expected"), BAD_VECTORS.values(), ids=BAD_VECTORS)
def test_bad_vectors_are_refused(arrays: dict[str, Any], expected: str) -> None:
    np.savez("vectors.npz", **arrays)
    found = refused(2, "-t", "cortex-m4", "--vectors", "vectors.npz", "layer.json")
    assert found.startswith(f"--vectors vectors.npz: {expected}")


def test_vectors_that_are_not_there_are_refused() -> None:
    found = refused(2, "-t", "cortex-m4", "--vectors", "vectors.npz", "layer.json")
    assert (
        found == "--vectors vectors.npz: input: cannot read vectors.npz: No such file or directory"
    )


def test_vectors_that_are_a_pipe_are_refused() -> None:
    os.mkfifo("vectors.npz")
    found = refused(2, "-t", "cortex-m4", "--vectors", "vectors.npz", "layer.json")
    assert found == "--vectors vectors.npz: input: cannot read vectors.npz: not a regular file"


# --- where to write -----------------------------------------------------------------------------


@pytest.mark.parametrize("out", ["file", "file/inner/out"])
def test_an_output_folder_that_is_or_lies_below_a_file_is_refused(out: str) -> None:
    Path("file").write_text("mine")
    found = refused(2, "-t", "cortex-m4", "-o", out, "layer.json")
    assert found == f"--out: expected a folder, but {Path('file').absolute()} is a file"


def test_an_output_folder_that_cannot_be_named_is_refused() -> None:
    found = refused(2, "-t", "cortex-m4", "-o", "x" * 300, "layer.json")
    assert found.startswith("--out: cannot write to ")
    assert found.endswith("x: File name too long")


def test_an_output_folder_below_a_folder_that_was_removed_is_refused() -> None:
    spec, gone = Path("layer.json").absolute(), Path("gone").absolute()
    gone.mkdir()
    with chdir(gone):
        gone.rmdir()
        result = convgen("-t", "cortex-m4", spec)
    assert (result.status, message(result)) == (2, "--out: the current folder has been removed")


IN_THE_WAY: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "a folder": ("block1.c", Path.mkdir, "is not a file that convgen wrote"),
    "a file": ("block1.c", Path.touch, "is not in verify/SHA256SUMS, the list of"),
    "a spec": ("report.json", Path.touch, "is not in verify/SHA256SUMS, the list "),
    "a verify": ("verify", Path.touch, "is not a folder"),
    "its file": ("verify/block1.elf", Path.touch, "is not in verify/SHA256SUMS, "),
}


@pytest.mark.parametrize(("name", "make", "why"), IN_THE_WAY.values(), ids=IN_THE_WAY)
def test_what_is_in_the_way_is_refused_before_any_work(
    name: str, make: Callable[[Path], None], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_spec({**CASES["first"], "name": "block1"})
    Path("out/verify").mkdir(parents=True)
    if name == "verify":
        Path("out/verify").rmdir()
    make(Path("out", name))
    monkeypatch.setattr(
        "convgen.bench.build.toolchain.find", lambda *_: pytest.fail("work was begun")
    )
    found = refused(2, "-t", "cortex-m4", "-o", "out", "layer.json")
    out = Path("out").absolute()
    head = f"--out: {out} holds what would be lost; move it away or choose another folder:\n"
    assert found.startswith(f"{head}  {out / name} {why}")


def test_a_spec_called_as_the_report_is_not_replaced() -> None:
    Path("layer.json").rename("report.json")
    found = refused(2, "-t", "cortex-m4", "-o", ".", "report.json")
    assert f"{Path.cwd()}/report.json is not in verify/SHA256SUMS" in found


def test_an_output_folder_without_permission_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object, **__: object) -> NoReturn:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(
        "convgen.system.staging.tempfile.mkdtemp", denied
    )  # root may write anywhere
    Path("locked").mkdir()
    found = refused(2, "-t", "cortex-m4", "-o", "locked/out", "layer.json")
    assert found == f"--out: cannot write to {Path('locked').absolute()}: Permission denied"


def test_a_disk_that_fills_up_is_reported_and_leaves_nothing() -> None:
    import resource

    before = tree(Path())
    limit = (1024, 1024)
    result = convgen_process(
        *("-t", "cortex-m4", "layer.json"),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
        environment={"PYTHONDONTWRITEBYTECODE": "1"},  # which would be cut off as well
    )
    assert (result.status, result.stdout) == (2, "")
    assert message(result) == f"--out: cannot write to {Path.cwd()}: File too large"
    assert tree(Path()) == before


def test_a_full_disk_behind_standard_output_is_reported() -> None:
    with Path("/dev/full").open("w") as full:
        result = convgen_process("--schema", stdout=full)
    assert result.status == 2
    assert message(result) == "cannot write to standard output: No space left on device"


@pytest.mark.parametrize("parent", ["", "input", "output"])
@pytest.mark.usefixtures("workplace")
def test_a_field_called_by_half_a_character_is_unknown(parent: str) -> None:
    fields = minimal.made_up()
    (fields.setdefault(parent, {}) if parent else fields)["\ud800"] = 1
    write_spec(fields)
    name = ".".join(filter(None, (parent, "\\ud800")))
    assert refused(2, "-t", "cortex-m4", "layer.json").startswith(
        f"{name}: unknown field; expected one of "
    )
