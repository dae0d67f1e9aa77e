"""Several specs in one call: a folder each, one verdict, and what they share beside them."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from junitparser import JUnitXml

from cases import CASES
from command import convgen, message, refused, tree, write_spec
from convgen.choices import PACKAGES, Package
from convgen.resources import data_dir
from convgen.system import seal

DIGITS = Path(__file__).parents[1] / "examples" / "digits" / "digits.tflite"
NOT_RUN = ("-t", "cortex-m4", "--emulator", "none")
DIRECT = (*NOT_RUN, "--algorithm", "direct")
JSON = ("--format", "json")
SPECS = ("layer.json", "second.json", DIGITS)


@pytest.fixture(autouse=True)
def second(workplace: None) -> Path:
    """A layer beside ``layer.json``, of another name."""
    return write_spec(CASES["first"] | {"name": "second", "out_channels": 4}, Path("second.json"))


def sizes(header: str) -> dict[str, int]:
    lines = [line.split() for line in header.splitlines() if line.startswith("#define ")]
    return {line[1]: int(line[2].rstrip("u")) for line in lines if line[2:]}


def test_each_has_a_folder_and_an_answer_and_all_have_a_header() -> None:
    result = convgen(*NOT_RUN, *SPECS, "--algorithm", "im2col")
    assert (result.status, message(result)[:13]) == (2, "--algorithm: ")
    assert not Path("convgen-out").exists()

    result = convgen(*NOT_RUN, *SPECS)
    assert (result.status, result.stderr) == (0, "")
    names, out = ("first", "second", "digits"), Path("convgen-out")
    answers = [f"{name} on cortex-m4" for name in names]
    assert [line for line in result.stdout.splitlines() if line.startswith(tuple(answers))]
    assert result.stdout.count("\nWritten to ") == len(names)
    reports = [json.loads((out / name / "report.json").read_text()) for name in names]
    assert [each.get("layer", each.get("model")) for each in reports] == list(names)
    assert result.stdout.endswith(f"\n\nOne buffer for all of them: {out}/convgen_shared.h\n")

    shared = sizes((out / "convgen_shared.h").read_text())
    workspaces = [each["memory"]["workspace"] for each in reports[:2]]
    arena = reports[2]["memory"]["arena"]
    assert shared["CONVGEN_SHARED_WORKSPACE_BYTES"] == max(workspaces)
    assert shared["CONVGEN_SHARED_ARENA_BYTES"] == arena
    assert shared["CONVGEN_SHARED_BYTES"] == max(arena, *workspaces)
    printed = convgen(*NOT_RUN, *SPECS, *JSON)
    assert json.loads(printed.stdout) == reports


def test_the_highest_exit_code_and_every_message(tmp_path: Path) -> None:
    budget = ("-b", 470, "--junit", tmp_path / "junit.xml")
    result = convgen(*DIRECT, *budget, "second.json", "layer.json", *JSON)
    assert result.status == 3
    assert message(result).startswith("first: no algorithm fits the budget\n")
    told: list[dict[str, Any]] = json.loads(result.stdout)
    assert [(each["layer"], bool(each["failure"])) for each in told] == [
        ("second", False),
        ("first", True),
    ]
    written = {path.as_posix() for path in Path("convgen-out").glob("*/*.c")}
    assert written == {"convgen-out/second/second.c", "convgen-out/second/second_weights.c"}
    assert not Path("convgen-out/convgen_shared.h").exists()
    suites = list(JUnitXml.fromfile(str(tmp_path / "junit.xml")))
    assert [(suite.name, suite.failures) for suite in suites] == [
        ("second on cortex-m4", 0),
        ("layer on cortex-m4", 1),
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--vectors", "v.npz"), "--vectors: expected one SPEC, got 2"),
        (("--layer", "1"), "--layer: expected one SPEC, got 2"),
        (("--extract", "to"), "--extract: expected one SPEC, got 2"),
        (("--list-layers",), "--list-layers: expected one SPEC, got 2"),
        (("--name", "int"), "--name: expected a name other than a keyword of C or C++, got 'int'"),
    ],
)
def test_options_of_one_are_refused(options: tuple[str, ...], said: str) -> None:
    assert refused(2, *NOT_RUN, *options, "layer.json", DIGITS) == said


def test_names_that_are_the_same_are_refused_before_work() -> None:
    for name in ("first", "First"):
        write_spec(CASES["first"] | {"name": name}, Path("same.json"))
        said = refused(2, *NOT_RUN, "layer.json", "same.json")
        assert said == (
            "same.json: expected names that differ, in more than capitals, "
            f"got {name} as in layer.json"
        )
    write_spec(CASES["first"] | {"name": "app_shared"}, Path("same.json"))
    assert "app_shared.h" in refused(2, *NOT_RUN, "--name", "app", "layer.json", "same.json")


def test_every_wrong_spec_is_told_of_and_nothing_is_written() -> None:
    write_spec(CASES["first"] | {"stride": 0}, Path("bad.json"))
    said = refused(2, *NOT_RUN, "bad.json", "layer.json", "none.json").splitlines()
    assert [line.split(":")[0] for line in said] == ["bad.json", "none.json"]


def test_what_must_be_kept_is_not_shared() -> None:
    """The workspace that an init function fills is the layer's own."""
    run = (*NOT_RUN, "layer.json", "second.json", "--algorithm", "indirect_init")
    assert convgen(*run).status == 0
    header = Path("convgen-out/convgen_shared.h").read_text()
    assert sizes(header)["CONVGEN_SHARED_BYTES"] == 0
    assert "first finds there what its last call left: it needs memory of its own." in header
    assert convgen(*NOT_RUN, "layer.json", "second.json", "--overlap").status == 0
    header = Path("convgen-out/convgen_shared.h").read_text()
    assert sizes(header)["CONVGEN_SHARED_POOL_BYTES"] > 0


@pytest.mark.parametrize("kind", PACKAGES)
def test_a_package_has_all_of_them(kind: Package) -> None:
    """Every source is named once, is there, and what is named is told of in a clone."""
    run = (*DIRECT, "layer.json", "second.json", "--package", kind, "-o", "out")
    assert convgen(*run, *JSON).status == 0
    own = {name for name in tree(Path("out")) if name.partition("/")[0] not in ("first", "second")}
    packed = {name for name in own if Path("out", name).is_file() and "verify" not in name}
    texts = "".join(Path("out", name).read_text() for name in packed - {"convgen_shared.h"})
    for part in ("first", "second"):
        for source in (f"{part}/{part}.c", f"{part}/{part}_weights.c"):
            assert texts.count(source) == 1
            assert Path("out", source).is_file()
    told = seal.told_by(Path("out/convgen_shared.h"))
    assert {*told, "convgen_shared.h"} == packed
    shutil.rmtree("out/verify")
    assert convgen(*run, *JSON).status == 0


def test_what_is_packed_is_not_lost() -> None:
    """A package of one layer is not replaced by that of another, nor by what the user wrote."""
    package = (*DIRECT, "--package", "cmake", "-o", "out")
    write_spec(CASES["first"] | {"name": "third"}, Path("third.json"))
    assert convgen(*package, "layer.json").status == 0
    said = refused(2, *package, "second.json")
    assert said == (
        "--package: the package in out has first, which would be lost from it: name all specs in "
        "one call, choose another folder, or remove out/CMakeLists.txt"
    )
    assert convgen(*package, "layer.json", "second.json").status == 0
    assert "has first, second, " in refused(2, *package, "third.json")
    assert "has second, " in refused(2, *package, "layer.json")
    path = Path("out/CMakeLists.txt")
    path.write_text(path.read_text() + "# mine\n")
    assert "has changed since" in refused(2, *package, "layer.json", "second.json")
    path.unlink()
    assert convgen(*package, "second.json").status == 0


def test_the_option_of_a_package_is_that_of_the_report() -> None:
    package = (*NOT_RUN, "--package", "cmake", "--optimize", "flash")
    assert convgen(*package, DIGITS).status == 0
    assert "PRIVATE -Os)" in Path("convgen-out/digits/CMakeLists.txt").read_text()
    said = refused(2, *package, "layer.json", DIGITS)
    assert said.startswith("--package: expected layers alone or models alone")


def test_arduino_compiles_all_in_one_file() -> None:
    """It takes no folders of a library but the first."""
    run = (*DIRECT, "layer.json", "second.json", "--package", "arduino", "-o", "out")
    assert convgen(*run).status == 0
    subprocess.run(
        ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-ffreestanding", "-Wall", "-Werror",
         "-idirafter", data_dir("firmware"), "-c", "out/convgen_shared.c", "-o", "all.o"],
        check=True,
        timeout=60,
    )  # fmt: skip
