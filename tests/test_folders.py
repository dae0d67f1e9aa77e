"""Where results go: what a build system takes of them, and what keeps them apart."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from cases import CASES
from command import FIRST, generated, write_spec
from convgen import __version__
from convgen.choices import PACKAGES, Package
from convgen.resources import data_dir
from convgen.sources.package import of_one, package_names
from convgen.system.publishing import SUMS

FLAGS = ("-mcpu=cortex-m4", "-mthumb", "-ffreestanding", "-pedantic-errors", "-Wall", "-Werror")
MAIN = """\
#include "first.h"
static int8_t input[FIRST_INPUT_BYTES], output[FIRST_OUTPUT_BYTES];
static uint32_t workspace[FIRST_WORKSPACE_BYTES / 4u + 1u];
void _start(void) { first(input, output, workspace); }
"""

pytestmark = pytest.mark.usefixtures("workplace")


def test_a_build_may_take_every_source_below_the_folder() -> None:
    generated(*FIRST, "--emulator", "none", "-o", "made")
    sources = sorted(str(path) for end in ("c", "S") for path in Path("made").rglob(f"*.{end}"))
    assert any("/verify/" in source for source in sources)
    Path("main.c").write_text(MAIN)
    subprocess.run(
        ["arm-none-eabi-gcc", *FLAGS, "-Imade", "-idirafter", data_dir("firmware"),
         "-nostdlib", "main.c", *sources, "-lgcc", "-o", "app"],
        check=True,
        timeout=60,
    )  # fmt: skip
    symbols = subprocess.run(
        ["arm-none-eabi-nm", "app"], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert " T first\n" in symbols
    assert "convgen" not in symbols


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> dict[Package, Path]:
    """One folder for each kind of package, of the same layer."""
    folder = tmp_path_factory.mktemp("packed")
    spec = write_spec(CASES["first"], folder / "layer.json")
    command = ("-t", "cortex-m4", spec, "--emulator", "none", "--algorithm", "direct")
    for kind in PACKAGES:
        generated(*command, "--package", kind, "-o", folder / kind)
    return {kind: folder / kind for kind in PACKAGES}


def test_every_package_is_listed_and_names_every_source(packed: dict[Package, Path]) -> None:
    plain = {"first.c", "first.h", "first_weights.c", "first_weights.h", "report.json"}
    for kind, folder in packed.items():
        listed = {line.split()[1] for line in (folder / SUMS).read_text().splitlines()}
        added = {name for name in package_names(kind, of_one("first")) if (folder / name).is_file()}
        assert added
        assert plain | added <= listed
        texts = "".join((folder / name).read_text() for name in added)
        assert kind == "arduino" or all(name in texts for name in ("first.c", "first_weights.c"))
        assert ("-O3" in texts) == (kind not in ("arduino", "cmsis-pack"))


def test_packages_are_of_their_formats(packed: dict[Package, Path]) -> None:
    module = yaml.safe_load((packed["zephyr"] / "zephyr/module.yml").read_text())
    assert (packed["zephyr"] / module["build"]["cmake"] / "CMakeLists.txt").is_file()
    component = yaml.safe_load((packed["esp-idf"] / "idf_component.yml").read_text())
    assert component["version"] == __version__
    library = json.loads((packed["platformio"] / "library.json").read_text())
    assert library["build"]["srcFilter"] == ["-<*>", "+<first.c>", "+<first_weights.c>"]
    lines = (packed["arduino"] / "library.properties").read_text().splitlines()
    assert dict(line.split("=", 1) for line in lines)["includes"] == "first.h"
    pack = ElementTree.parse(packed["cmsis-pack"] / "convgen.first.pdsc")  # noqa: S314 - our own
    named = [file.attrib["name"] for file in pack.iter("file")]
    assert len(named) == 4
    assert all((packed["cmsis-pack"] / name).is_file() for name in named)


def test_make_and_cmake_build_their_packages(packed: dict[Package, Path], tmp_path: Path) -> None:
    """With the compiler of this computer, for which the C is plain."""
    shutil.copytree(packed["make"], tmp_path / "made")
    (tmp_path / "Makefile").write_text("include made/first.mk\nall: $(first_OBJECTS)\n")
    said = run("make", "-C", tmp_path, "all", "CC=gcc")
    assert said.count("-O3") == 2
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.20)\nproject(user C)\n"
        f'add_subdirectory("{packed["cmake"]}" first)\n'
    )
    run("cmake", "-S", tmp_path, "-B", tmp_path / "build", "-G", "Ninja")
    assert "libfirst.a" in run("cmake", "--build", tmp_path / "build", "--verbose")


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout
