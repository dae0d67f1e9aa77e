"""Inputs made from good ones by small damage, each given to convgen, which must refuse or take it.

``python tests/fuzzing.py KIND SEED SECONDS [CASE]`` runs cases 0, 1, ... of a kind, or one alone.
The same seed gives the same cases. It ends with 1, and says the case and keeps its input, at the
first that raises anything but what users are told, takes seconds, or more memory than `MEMORY`.
"""

from __future__ import annotations

import faulthandler
import io
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import numpy as np
import onnx

import minimal
import onnx_models
import random_models
from convgen import api, cli
from convgen.bench.proof import vectors
from convgen.choices import ENDS, FEEDS, REFERENCES
from convgen.errors import ConvgenError
from convgen.formats import spec
from convgen.model.graph import Graph
from convgen.model.ops.conv2d import Conv2d
from convgen.report.diff import METRICS
from convgen.resources import data_dir
from convgen.schedule.select import survey
from convgen.targets import target

MEMORY = 3 * 2**30
MOST_SECONDS = 8.0  # of processor time, for a case
TESTS = Path(__file__).resolve().parent
SOURCE = TESTS.parent / "codegen"

Case = Callable[[random.Random, Path], None]

NUMBERS: list[Any] = [
    0, 1, -1, 2, 3, 7, 127, -128, 255, 2**20, 2**20 + 1, 2**31 - 1, -(2**31), 2**63, 10**30,
    10**400, 0.5, -0.0, 1e-45, 1e38, 1e308, -1e308, float("inf"), float("nan"),
]  # fmt: skip
TEXTS = [
    "", "same", "valid", "int8", "float32", "relu6", "<one>", "<many>", "double", "a\0b", "\ud800",
    "../x", "/dev/zero", "\x1b[31m", "*/", "x" * 5000, "\u202e", "\u0661", "1e5",
]  # fmt: skip


# --- damage -------------------------------------------------------------------------------------


def some_value(rng: random.Random) -> Any:
    pick = rng.randrange(5)
    if pick == 0:
        return rng.choice(NUMBERS)
    if pick == 1:
        return rng.choice(TEXTS)
    if pick == 2:
        return rng.choice([None, True, False, [], {}, [[]], [{}]])
    if pick == 3:
        return rng.randrange(-2, 40)
    return [rng.choice(NUMBERS) for _ in range(rng.randrange(6))]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all parts of a JSON value."""
    if not isinstance(value, dict | list):
        return [path]
    parts = list(value.keys() if isinstance(value, dict) else range(len(value)))
    return [path, *(place for key in parts[:50] for place in places(value[key], (*path, key)))]


def damaged_value(value: Any, rng: random.Random) -> Any:
    """Return a JSON value of which one part is replaced, dropped, doubled or joined by another."""
    path = rng.choice(places(value))
    if not path:
        return some_value(rng) if rng.random() < 0.02 else value
    *above, key = path
    parent = value
    for part in above:
        parent = parent[part]
    pick = rng.randrange(6)
    if pick == 0:
        del parent[key]
    elif pick == 1 and isinstance(parent, dict):
        parent[rng.choice(TEXTS)] = parent[key]
    elif pick == 2 and isinstance(parent[key], int | float):
        parent[key] = parent[key] * rng.choice([2, 3, -1, 10, 1000])
    elif pick == 3 and isinstance(parent[key], int):
        parent[key] += rng.choice([-1, 1])
    else:
        parent[key] = some_value(rng)
    return value


def damaged_bytes(content: bytes, rng: random.Random) -> bytes:
    """Return *content* with a few bytes changed, cut out, doubled or put in."""
    changed = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 5])):
        at = rng.randrange(len(changed) + 1)
        size = rng.choice([1, 1, 2, 4, 50])
        pick = rng.randrange(4)
        if pick == 0:
            changed[at : at + size] = rng.randbytes(size)
        elif pick == 1:
            del changed[at : at + size]
        elif pick == 2:
            changed[at:at] = changed[at : at + size]
        elif at < len(changed):
            changed[at] ^= 1 << rng.randrange(8)
    return bytes(changed)


# --- kinds --------------------------------------------------------------------------------------


def corpus(pattern: str) -> list[Path]:
    return sorted((TESTS / "specs").glob(pattern))


SPECS = corpus("good/*.json") + corpus("bad/*.json")


def fuzz_spec(rng: random.Random, folder: Path) -> None:
    text = rng.choice(SPECS).read_bytes()
    if rng.random() < 0.85:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = {}
        for _ in range(rng.choice([1, 1, 2, 3])):
            value = damaged_value(value, rng) if isinstance(value, dict | list) else value
        text = json.dumps(value).encode()
    if rng.random() < 0.2:
        text = damaged_bytes(text, rng)
    path = folder / "layer.json"
    path.write_bytes(text)
    operator = spec.load(path, seed=rng.randrange(3))
    survey(operator, target.load(rng.choice(target.names())), overlap=rng.random() < 0.3)


TARGETS = sorted(data_dir("targets").glob("*.toml"))
CHIPS = sorted((data_dir("targets") / "chips").glob("*.toml"))
MACHINES = sorted((data_dir("targets") / "machines").glob("*.toml"))
WORDS = [
    "=",
    "[",
    "]",
    "{",
    "}",
    '"',
    '"""',
    "#",
    "\n",
    "1e999",
    "0x",
    "-1",
    "inf",
    "true",
    ".",
    ",",
]


def damaged_toml(text: str, rng: random.Random) -> bytes:
    lines = text.splitlines()
    for _ in range(rng.choice([1, 1, 2, 3])):
        at = rng.randrange(len(lines))
        key, equals, _ = lines[at].partition(" = ")
        pick = rng.randrange(5)
        if pick == 0:
            del lines[at]
        elif pick == 1:
            lines.insert(rng.randrange(len(lines)), lines[at])
        elif pick == 2 and equals:
            value = some_value(rng)
            lines[at] = f"{key} = {json.dumps(value) if value is not None else 'nan'}"
        elif pick == 3:
            lines[at] += rng.choice(WORDS) * rng.choice([1, 1, 500])
        elif equals:
            lines[at] = f"{rng.choice(TEXTS)!r} = {rng.choice(NUMBERS)}"
        lines = lines or [""]
    content = "\n".join(lines).encode("utf-8", "surrogatepass")
    return damaged_bytes(content, rng) if rng.random() < 0.2 else content


def small_layer(folder: Path) -> Conv2d:
    path = folder / "small.json"
    path.write_text(
        '{"name": "small", "op": "conv2d", "input": {"shape": [4, 5, 3], "dtype": "int8"}, '
        '"out_channels": 6, "kernel_size": 3, "padding": "same"}'
    )
    return minimal.read(path)


def fuzz_target(rng: random.Random, folder: Path) -> None:
    path = folder / "board.toml"
    text = rng.choice(TARGETS + CHIPS).read_text(encoding="utf-8")
    if rng.random() < 0.4:
        machine = damaged_toml(rng.choice(MACHINES).read_text(encoding="utf-8"), rng)
        (folder / "machine.toml").write_bytes(machine)
        path.write_text(text.replace('machine = "', 'machine = "machine.toml" # "', 1))
    else:
        path.write_bytes(damaged_toml(text, rng))
    survey(small_layer(folder), target.load(str(path)), overlap=False)


def fuzz_array(rng: random.Random, folder: Path) -> None:
    layer = small_layer(folder)
    count, dtype = rng.choice([1, 2]), rng.choice([np.int8, np.int8, np.float32, object])
    image = np.zeros((count, 4, 5, 3), dtype)
    output = np.asfortranarray(np.zeros((len(image), 4, 5, 6), rng.choice([">i1", "<i2"])))
    content = io.BytesIO()
    save = rng.choice([np.savez, np.savez_compressed])
    save(content, input=image, output=output)
    path = folder / "vectors.npz"
    path.write_bytes(damaged_bytes(content.getvalue(), rng))
    vectors.load(path, layer)


OPTIONS = [
    "-t", "--target", "-b", "--budget", "--flash", "--optimize", "--algorithm", "--overlap",
    "--seed", "--allow-outside", "-o", "--out", "--emulator", "--cycles", "--flash-wait-states",
    "--profile", "--toolchain", "--vectors", "--format", "--list-targets", "--list-algorithms",
    "--list-layers", "--layer", "--extract", "--name",
    "--schema", "--version", "-h", "--help", "--", "-", "-x", "--budget=", "-b9", "bad.json",
]  # fmt: skip
VALUES = [
    "cortex-m4", "host", "bad.json", "small.json", "none", "auto", "qemu-system", "zig", "json",
    "text", "speed", "flash", "im2col", "direct", "64k", "1", "-1", "9" * 4300, "9" * 5000, "1.5M",
    "\u0661", "a\0b", "x" * 300, "/dev/zero", "/dev/null", ".", "/", "/proc/self/mem", "\udcff",
    "\x1b[2J", "*", "[red]", "~", "$HOME", "%s", "{0}",
]  # fmt: skip


def fuzz_command(rng: random.Random, folder: Path) -> None:
    small_layer(folder)
    (folder / "bad.json").write_text("{}")
    words = [
        rng.choice(OPTIONS) if rng.random() < 0.5 else rng.choice(VALUES + TEXTS)
        for _ in range(rng.randrange(9))
    ]
    if rng.random() < 0.6:
        words = ["-t", "cortex-m4", *words, rng.choice(["small.json", "bad.json"])]
    words += ["-b", "1"]  # no tool is needed: nothing fits
    (folder / "words").write_text(json.dumps(words))
    said, told = io.StringIO(), io.StringIO()
    with redirect_stdout(said), redirect_stderr(told):
        try:
            status = cli.main(words)
        except SystemExit as leaving:
            status = int(leaving.code or 0)
    message = told.getvalue()
    assert status in (0, 2, 3, 4), (status, message)
    assert (status == 0) == (message == ""), message
    assert "internal error" not in message, message
    assert len(message) < 50_000
    assert message.replace("\n", "").isprintable(), message


MODELS = [
    random_models.draw(kind, 0, dtype)[0]
    for kind in random_models.DRAWERS
    for dtype in ("int8", "float32")
]


ONNX_MODELS = [
    onnx_models.PYTORCH.read_bytes(),
    onnx_models.small_network().SerializeToString(),
]


def planned(path: Path, rng: random.Random) -> None:
    """List the operators of a model, and plan it."""
    api.listing("operators", path)
    graph = api.read(path, ends=rng.choice(ENDS), reference=rng.choice(REFERENCES))
    assert isinstance(graph, Graph)
    api.plan(graph, target.load(rng.choice(target.names())), feed=rng.choice(FEEDS))


def fuzz_model(rng: random.Random, folder: Path) -> None:
    path = folder / "model.tflite"
    path.write_bytes(damaged_bytes(rng.choice(MODELS), rng))
    planned(path, rng)


def damaged_message(message: Any, rng: random.Random) -> None:
    """Change, drop or double one field of a protobuf message, or of one within it."""
    fields = [field for field, _ in message.ListFields()]
    if not fields:
        return
    field = rng.choice(fields)
    value, many = getattr(message, field.name), field.is_repeated
    if field.message_type and rng.random() < 0.85:
        damaged_message(rng.choice(value) if many else value, rng)
    elif rng.random() < 0.3:
        message.ClearField(field.name)
    elif many:
        value.extend([value[rng.randrange(len(value))]] * rng.choice([1, 1, 7]))
        del value[rng.randrange(len(value))]
    elif not field.message_type:
        changed = rng.choice([*NUMBERS, *TEXTS, b"", b"Relu", b"SAME_UPPER", b"linear"])
        with suppress(TypeError, ValueError):
            setattr(message, field.name, changed)


def fuzz_onnx(rng: random.Random, folder: Path) -> None:
    path = folder / "model.onnx"
    content = rng.choice(ONNX_MODELS)
    if rng.random() < 0.2:
        content = damaged_bytes(content, rng)
    else:
        message = onnx.ModelProto.FromString(content)
        for _ in range(rng.choice([1, 1, 2, 3])):
            damaged_message(message, rng)
        content = message.SerializeToString()
    path.write_bytes(content)
    planned(path, rng)


def fuzz_report(rng: random.Random, folder: Path) -> None:
    paths = folder / "old.json", folder / "new.json"
    for path in paths:
        report = damaged_value(minimal.report(), rng)
        path.write_text(json.dumps(damaged_value(report, rng)))
        if rng.random() < 0.1:
            path.write_bytes(damaged_bytes(path.read_bytes(), rng))
    metric = rng.choice([*METRICS])
    found = api.diff(*paths, f"{metric}:+{rng.choice(['0%', '999999999.5%', '0', '7'])}")
    for text in (found.as_text(), found.as_json(), found.as_markdown()):
        assert text.replace("\n", "").isprintable(), text
        assert len(text) < 50_000


VARIABLES = [
    "HOME", "TMPDIR", "PATH", "LANG", "LC_ALL", "COLUMNS", "LINES", "TERM", "NO_COLOR", "PWD",
    "FORCE_COLOR", "PYTHONSAFEPATH", "PYTHONUTF8", "PYTHONCOERCECLOCALE", "CONVGEN_", "SHELL",
    "CONVGEN_REQUIRE_TOOLS", "XDG_CACHE_HOME", "ZIG_GLOBAL_CACHE_DIR", "PYTHONOPTIMIZE",
]  # fmt: skip
SETTINGS = [
    "",
    "0",
    "1",
    "x",
    "/nowhere",
    "/dev/null",
    "\x1b",
    "C",
    "tlh_QX.KOI8-R",
    "-1",
    "\udcff",
]


def fuzz_environment(rng: random.Random, folder: Path) -> None:
    small_layer(folder)
    changed = {rng.choice(VARIABLES): rng.choice(SETTINGS) for _ in range(rng.randrange(1, 7))}
    if changed.get("PYTHONUTF8") not in (None, "0", "1"):
        del changed["PYTHONUTF8"]  # Python itself does not start
    (folder / "variables").write_text(json.dumps(changed))
    words = rng.choice([["--list-targets"], ["-t", "cortex-m4", "small.json", "-b", "1"]])
    done = subprocess.run(
        [sys.executable, "-m", "convgen", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(SOURCE), **changed},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == (0 if words[0] == "--list-targets" else 3), done
    assert b"Traceback" not in done.stderr, done.stderr


KINDS: dict[str, Case] = {
    "spec": fuzz_spec,
    "target": fuzz_target,
    "array": fuzz_array,
    "model": fuzz_model,
    "onnx": fuzz_onnx,
    "report": fuzz_report,
    "command": fuzz_command,
    "environment": fuzz_environment,
}


# --- the worker ---------------------------------------------------------------------------------


class TooSlow(BaseException):
    pass


def too_slow(_number: int, _frame: FrameType | None) -> NoReturn:
    raise TooSlow(f"more than {MOST_SECONDS:g} s of processor time")


def refusal(case: Case, rng: random.Random, folder: Path) -> str | None:
    try:
        case(rng, folder)
    except ConvgenError as error:
        return str(error)
    return None


def run(kind: str, seed: int, index: int) -> None:
    """Run one case; what is wrong with it is raised, its input kept."""
    rng = random.Random(f"{kind} {seed} {index}")  # noqa: S311 - the same each time
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        os.chdir(place)
        signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
        try:
            said = refusal(KINDS[kind], rng, place)
            assert said is None or 0 < len(said) < 50_000, said
        except BaseException:
            kept = Path(tempfile.mkdtemp(prefix=f"fuzz-{kind}-{seed}-{index}-"))
            for path in place.iterdir():
                path.rename(kept / path.name)
            print(f"python tests/fuzzing.py {kind} {seed} 0 {index}   input: {kept}")
            raise
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            os.chdir(TESTS)


def main(kind: str, seed: int, seconds: float, alone: int | None = None) -> int:
    """Run cases for so long; return 1 at the first that is wrong."""
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGPROF, too_slow)
    end = time.monotonic() + seconds
    index = alone or 0
    while alone is not None or time.monotonic() < end:
        try:
            run(kind, seed, index)
        except BaseException:
            traceback.print_exc(file=sys.stdout)
            return 1
        index += 1
        if alone is not None:
            break
    print(f"{index} cases")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), *map(int, sys.argv[4:])))
