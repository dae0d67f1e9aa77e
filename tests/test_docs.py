"""What the documents say exists, parses, and was measured."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import typing
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import convgen
import minimal
from cases import CASES, OPERATORS
from convgen import api
from convgen.cli import build_parser
from convgen.errors import ExitCode
from convgen.formats import schema
from convgen.formats.tflite import reader, states
from convgen.model.operator import Operator
from convgen.model.ops.conv2d import Conv2d
from convgen.plans import registry
from convgen.plans.conv import ALGORITHMS
from convgen.refusal import Refusal
from convgen.sources.generate import layer_files
from convgen.targets import target
from convgen.targets.target import Machine, Target, TomlTable
from documents import rows
from test_tflite_operators import WIDE

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "codegen" / "convgen"
README = ROOT / "README.md"
REFERENCE = ROOT / "docs" / "reference.md"
DOCUMENTS = (
    README,
    ROOT / "templates" / "README.md",
    ROOT / "targets" / "README.md",
    ROOT / "examples" / "digits" / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
)
FOLDERS = (ROOT, PACKAGE, PACKAGE / "algorithms", PACKAGE / "kernels", ROOT / "templates")
OPTIONS = {option for action in build_parser()._actions for option in action.option_strings}

every_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT))
)


def words(document: Path) -> list[str]:
    """What stands between backticks."""
    return re.findall(r"`([^`\n]+)`", document.read_text(encoding="utf-8"))


def blocks(document: Path, language: str) -> list[str]:
    """The fenced blocks in that language, without their indentation."""
    text = document.read_text(encoding="utf-8")
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", block, flags=re.MULTILINE) for indent, block in found]


def commands(document: Path) -> Iterator[list[str]]:
    """The commands of the indented blocks, without variables before and comments after."""
    for line in document.read_text(encoding="utf-8").splitlines():
        found = re.match(r" {4,}((?:\w+=\S+ )*(?:\S*convgen|\S*python -m convgen|make) .*)", line)
        if found:
            parts = shlex.split(found[1], comments=True)
            yield [part for part in parts if "=" not in part]


@every_document
def test_named_files_exist(document: Path) -> None:
    top = {path.name for path in ROOT.iterdir()} - {"convgen-out"}  # what a demo left there
    for word in words(document):
        is_path = re.fullmatch(r"[\w.\-]+(/[\w.\-]*)*", word) and not re.search(
            "FAMILY|KERNEL|NAME", word
        )
        if is_path and (word.split("/")[0] in top or word.endswith((".py", ".j2"))):
            folders = (*FOLDERS, document.parent)
            assert any((folder / word).exists() for folder in folders), f"no file {word}"


def test_the_architecture_names_every_room() -> None:
    named = set(words(ROOT / "docs" / "architecture.md"))
    rooms = {f"{path.parent.relative_to(PACKAGE)}/" for path in PACKAGE.rglob("__init__.py")}
    assert rooms - named == {"./"}


@every_document
def test_named_options_exist(document: Path) -> None:
    text = " ".join(words(document))
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) <= OPTIONS


@every_document
def test_commands_are_what_make_and_convgen_know(document: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    goals = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)`", document.read_text(encoding="utf-8"))) <= goals
    for command in commands(document):
        if command[0] == "make":
            assert command[1] in goals
        else:
            build_parser().parse_args(command[3:] if "-m" in command else command[1:])


def test_the_reference_has_every_field_and_exit_code() -> None:
    named = " ".join(words(REFERENCE))
    spec = schema.json_schema()
    models = [spec, *spec["$defs"].values()]
    fields = {name for model in models for name in model.get("properties", ())}
    assert {name for name in fields if not re.search(rf"(?<!\w){name}\b", named)} == set()
    for document in (README, REFERENCE):
        codes = rows(document, "code" if document == README else "exit code")
        assert [int(row[0]) for row in codes] == list(ExitCode)


def test_the_page_on_models_has_every_operator_and_those_of_int16() -> None:
    table = rows(ROOT / "docs" / "models.md", "operator")
    dtypes = {kind: row[1] for row in table for kind in re.findall(r"\w+", row[0])}
    assert set(dtypes) == {*reader.BUILDERS, *states.KINDS}
    assert all("int16" in dtypes[kind] for kind in WIDE)


def test_every_algorithm_of_a_convolution_has_a_section() -> None:
    text = (ROOT / "docs" / "algorithms.md").read_text(encoding="utf-8")
    headings = set(re.findall(r"\w+", " ".join(re.findall(r"^## (.*)$", text, re.MULTILINE))))
    assert {algorithm.family for algorithm in ALGORITHMS} <= headings


def plain(text: str) -> str:
    """*text* as one line, with N for each number."""
    return re.sub(r"\d+(,\d{3})*", "N", " ".join(text.split()))


def operators_to_refuse() -> Iterator[Operator]:
    """Transposed convolutions, one of them of many taps, and the layers."""
    upwards = OPERATORS["upwards"]
    yield from (minimal.operator(upwards), minimal.operator(upwards | {"kernel_size": 12}))
    yield from layers_to_refuse()


def layers_to_refuse() -> Iterator[Conv2d]:
    """The named layers, and others that no algorithm can do for a reason of its own."""
    yield from map(minimal.load, CASES.values())
    yield minimal.load(minimal.made_up(groups=4, out_channels=4))
    one_pixel = {"shape": [3, 3, 4], "dtype": "int8"}
    yield minimal.load(minimal.made_up(input=one_pixel, padding="valid"))
    real, pads = {"shape": [6, 6, 8], "dtype": "float32"}, [2, 2, 2, 2]
    yield minimal.load(minimal.made_up(input=real, padding=pads))
    deep = minimal.load(minimal.made_up(input=one_pixel | {"shape": [3, 3, 4096]}))
    largest = np.full(deep.geometry.out_c, 2**31 - 1, np.int32)
    yield replace(deep, weights=np.full_like(deep.weights, -128), bias=largest)
    loud = minimal.load(minimal.made_up(input=one_pixel | {"shape": [1, 1, 2048]}, kernel_size=1))
    yield from (replace(loud, weights=np.full_like(loud.weights, most)) for most in (127, 7))
    tall = {"shape": [16, 40, 4], "dtype": "int8"}
    many_taps = {"kernel_size": [16, 40], "out_channels": 4, "groups": 4, "padding": "valid"}
    loud = minimal.load(minimal.made_up(input=tall, **many_taps))
    yield replace(loud, weights=np.full_like(loud.weights, 127))
    yield minimal.load(minimal.made_up(out_channels=2))
    many = {"shape": [1, 1, 1], "dtype": "int8"}
    yield minimal.load(minimal.made_up(input=many, kernel_size=1, out_channels=8193))
    long = {"shape": [1, 16385, 2], "dtype": "int8"}
    yield minimal.load(minimal.made_up(input=long, groups=2, out_channels=2))
    seven = {"shape": [7, 7, 4], "dtype": "int8"}
    yield minimal.load(minimal.made_up(input=seven, kernel_size=7, out_channels=4))
    planes: dict[str, Any] = {"out_channels": 4, "groups": 4}
    for field in ({"dilation": 2}, {"stride": 3}, {"padding": pads}, {"padding": "valid"}):
        yield minimal.load(minimal.made_up(**planes, **field))
    yield minimal.load(minimal.made_up(**planes, input={"shape": [6, 3, 4], "dtype": "int8"}))
    nine = {"shape": [9, 9, 4], "dtype": "int8"}
    yield minimal.load(minimal.made_up(**planes, input=nine, kernel_size=9, padding="valid"))
    broad = {"shape": [3, 1, 2048], "dtype": "int8"}
    each = {"kernel_size": [3, 1], "out_channels": 2048, "groups": 2048, "padding": "valid"}
    yield minimal.load(minimal.made_up(input=broad, **each))
    for size in ([17, 2], [2, 1]):
        yield minimal.load(minimal.made_up(**planes, kernel_size=size))
    row = {"shape": [1, 6, 4], "dtype": "int8"}
    yield minimal.load(minimal.made_up(input=row, **planes))
    steep = {"requantize": {"multiplier": 2**30, "shift": 12}}
    yield minimal.load(minimal.made_up(**planes, **steep))
    large = {"shape": [512, 512, 12], "dtype": "int8"}
    yield minimal.load(minimal.made_up(input=large, out_channels=3, kernel_size=[1, 804]))
    yield replace(minimal.load(minimal.made_up(out_channels=2)), dtype="int16")
    yield from (minimal.long(groups=8), minimal.long(2**30, requantize={"rounding": "double"}))


OF_NETWORKS = {"convert.py", "interpolate.py", "slopes.py", "table.py", "accumulating"}
"""Modules, and a folder, that refuse operators of networks, and what no layer is done by."""


def refused_by() -> Iterator[str]:
    """Patterns of what refusals say is needed: those of functions that return one, or its text."""
    for module in PACKAGE.rglob("*.py"):
        if OF_NETWORKS & set(module.parts):
            continue
        for function in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            match function:
                case ast.FunctionDef(returns=ast.expr() as returns):
                    if re.search(r"^str \| None$|\bRefusal\b", ast.unparse(returns)):
                        yield from filter(None, map(pattern_needed, ast.walk(function)))


def pattern_needed(expression: ast.AST) -> str | None:
    match expression:
        case ast.Call(func=ast.Name(id="needs"), args=[what, *_]):
            parts = what.values if isinstance(what, ast.JoinedStr) else [what]
            texts = (str(part.value) if isinstance(part, ast.Constant) else None for part in parts)
            return "needs " + "".join(".*" if text is None else re.escape(text) for text in texts)
    return None


def in_plain_c() -> set[str]:
    """What vectors are not for: `direct` does it without."""
    board = target.load("rv32imcv")
    notes = [
        note
        for layer in layers_to_refuse()
        for plan in registry.able(layer, board, {"direct"}).values()
        for note in plan.notes
    ]
    return {found for note in notes for found in re.findall(r"needs [^;]+", note)}


def test_every_refusal_is_a_sentence_and_some_layer_meets_it() -> None:
    boards = [target.load(name) for name in ("cortex-m4", "cortex-m0", "cortex-m55", "rv64imac")]
    sentences = {
        answer.reason
        for layer in operators_to_refuse()
        for board in boards
        for _, answer in registry.plans(layer, board)
        if isinstance(answer, Refusal)
    }
    for reason in sentences:
        assert re.fullmatch("needs [^;]+; this (layer|core) (has|is) [^;]+", reason)
    reasons = {reason.partition(";")[0] for reason in sentences} | in_plain_c()
    never_said = {
        pattern
        for pattern in refused_by()
        if not any(re.fullmatch(pattern, reason) for reason in reasons)
    }
    assert never_said == set(), "add a layer to layers_to_refuse"


def test_the_table_of_work_is_what_plans_count(tmp_path: Path) -> None:
    path = tmp_path / "layer.json"
    counted: set[str] = set()
    more = (
        CASES["first"] | {"requantize": {"multiplier": 1, "shift": 0}},
        CASES["deep"] | {"out_channels": 4, "groups": 2},
        CASES["pointwise"] | {"input": {"shape": [6, 7, 1], "dtype": "int8"}, "out_channels": 32},
        CASES["first"] | {"input": {"shape": [6, 7, 1], "dtype": "int8"}},
        CASES["first"]
        | {"input": {"shape": [8, 8, 1], "dtype": "int8"}, "stride": 1, "dilation": 2},
        CASES["first"] | {"input": {"shape": [8, 8, 3], "dtype": "int8"}, "stride": 2},
        CASES["planes"] | {"activation": {"min": -100, "max": 90}},
        CASES["steps"] | {"activation": {"min": -100, "max": 90}},
    )
    for case in (*CASES.values(), *more):
        path.write_text(json.dumps(case))
        layer = minimal.read(path)
        boards = map(target.load, ("cortex-m4", "cortex-m55"))
        for plan in (plan for board in boards for plan in registry.able(layer, board).values()):
            own = rf"^{plan.kernel.name}(?=[._])"
            units = {re.sub(own, "KERNEL", unit) for unit in plan.work}
            units = {re.sub(r"inlined_|(\.constant)?(\.known)?$", "", unit) for unit in units}
            counted |= {re.sub(r"(?<=^KERNEL_)\d+x\d+", "PxC", unit) for unit in units}
    table = rows(ROOT / "benchmarks" / "README.md", "unit of work")
    assert set(re.findall(r"[\w.]+", " ".join(row[0] for row in table))) == counted


def test_the_board_of_the_recipe_is_a_target_and_every_key_is_explained(tmp_path: Path) -> None:
    recipe = ROOT / "docs" / "adding-a-target.md"
    path = tmp_path / "my-board.toml"
    path.write_text(*blocks(recipe, "toml"))
    board = target.load(str(path))
    assert (board.name, board.memory.ram) == ("my-board", 96 * 1024)
    assert board.cpu == target.load("cortex-m4").cpu
    explained = re.findall(r"\w+", " ".join(words(ROOT / "targets" / "README.md")))
    assert {field for model in (Target, Machine) for field in fields_of(model)} <= set(explained)


def fields_of(model: type[TomlTable]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield name
        for part in (field.annotation, *typing.get_args(field.annotation)):
            if isinstance(part, type) and issubclass(part, TomlTable):
                yield from fields_of(part)


def readme_layer(folder: Path) -> Path:
    """Write the README's spec, as its table has it: without weights and bias."""
    (text,) = blocks(README, "json")
    path = folder / "layer.json"
    path.write_text(json.dumps({**json.loads(text), "weights": None, "bias": None}))
    return path


def test_the_caller_of_the_readme_compiles_with_every_algorithm(tmp_path: Path) -> None:
    layer, board = minimal.read(readme_layer(tmp_path)), target.load("cortex-m4")
    (tmp_path / "caller.c").write_text(*blocks(README, "c"))
    command = ["gcc", "-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"]
    for plan in registry.able(layer, board).values():
        for name, text in layer_files(plan, board, None).items():
            (tmp_path / name).write_text(text)
        subprocess.run([*command, "caller.c"], cwd=tmp_path, check=True, timeout=60)


@pytest.mark.emulator
def test_the_example_in_python_prints_what_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    document = ROOT / "docs" / "api.md"
    (program,), (printed,) = blocks(document, "python"), blocks(document, "text")
    shutil.copytree(ROOT / "examples" / "digits", tmp_path / "examples" / "digits")
    monkeypatch.chdir(tmp_path)
    found: dict[str, Any] = {}
    exec(compile(program, document, "exec"), found)  # noqa: S102 - that is what it is for
    assert {path.name for path in Path("build").iterdir()} > set(found["files"])
    assert plain(capsys.readouterr().out) == plain(printed)  # figures are those of one day


def test_the_page_on_python_has_every_public_name() -> None:
    text = " ".join(words(ROOT / "docs" / "api.md"))
    assert {name for name in convgen.__all__ if not re.search(rf"\b{name}\b", text)} == set()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The report of the README's table."""
    for tool in ("arm-none-eabi-gcc", "qemu-system-arm"):
        if shutil.which(tool) is None and not os.environ.get("CONVGEN_REQUIRE_TOOLS"):
            pytest.skip(f"not installed: {tool}")
    folder = tmp_path_factory.mktemp("readme")
    command = [sys.executable, "-m", "convgen", "--target", "cortex-m4", "--budget", "64k"]
    command += ["--compare", "--format", "json", "--out", "out", str(readme_layer(folder))]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "codegen")}
    run = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, check=True, timeout=300
    )
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def test_the_table_of_the_readme_was_measured(report: dict[str, Any]) -> None:
    if report["toolchain"]["compiler"] not in README.read_text(encoding="utf-8"):
        pytest.skip(f"the README's figures are not of {report['toolchain']['compiler']}")
    expected = []
    for row in report["candidates"]:
        if not row["applicable"]:
            continue
        measured = row["measured"]
        sizes = [row["workspace"], measured["stack"], row["ram"], measured["flash_code"]]
        sizes += [measured["flash_constants"], measured["instructions"]]
        verdict = "chosen" if row["algorithm"] == report["algorithm"] else ""
        verdict = verdict if row["fits"] else "over the budget"
        expected.append([row["algorithm"], *(f"{size:,}" for size in sizes), verdict])
    table = rows(README, "algorithm | workspace | stack")
    chosen = {row[0] for row in table}
    shown = [row for row in expected if row[0] in chosen]
    lines = "\n".join(f"| `{row[0]}` | {' | '.join(row[1:])} |" for row in shown)
    assert table == shown, f"put the measured figures into README.md:\n{lines}"
    assert report["algorithm"] in chosen


def test_the_schema_has_every_key_of_the_report_and_of_the_reference(
    report: dict[str, Any],
) -> None:
    def keys(value: Any) -> Iterator[str]:
        for inner in value.values() if isinstance(value, dict) else value:
            if isinstance(inner, dict | list):
                yield from keys(inner)
        yield from value if isinstance(value, dict) else ()

    known = {
        name
        for part in api.schema("report")["$defs"].values()
        for name in part.get("properties", ())
    }
    assert {*keys(report), *keys_named(REFERENCE, "key")} <= known


def keys_named(document: Path, heading: str) -> set[str]:
    """Return the words in the first column of the tables with that heading."""
    text = document.read_text(encoding="utf-8")
    tables = re.findall(rf"^\| {heading} \|.*\n\|.*\n((?:\|.*\n)+)", text, re.MULTILINE)
    cells = " ".join(line.split("|")[1] for table in tables for line in table.splitlines())
    return set(re.findall(r"\w+", cells))
