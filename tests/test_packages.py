"""Packages as the tools of their build systems take them, without a network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import cast
from xml.etree import ElementTree

import pytest
import yaml

from cases import CASES
from command import generated, write_spec
from convgen.choices import Package
from convgen.sources.package import Contents, of_one, of_several

PATTERN = re.compile(r"[\-_A-Za-z0-9]+")
VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")

pytestmark = pytest.mark.usefixtures("workplace")


@pytest.fixture(params=("one", "several"))
def contents(request: pytest.FixtureRequest) -> Contents:
    """What is packed: a layer, or two."""
    write_spec(CASES["first"] | {"name": "second", "out_channels": 4}, Path("second.json"))
    return of_one("first") if request.param == "one" else of_several("convgen", ["first", "second"])


def packed(kind: Package, contents: Contents) -> Path:
    """Return the folder with the package."""
    specs = ("layer.json", "second.json")[: 2 if contents.several else 1]
    command = ("-t", "cortex-m4", "--emulator", "none", "--algorithm", "direct", *specs)
    generated(*command, "--package", kind, "-o", kind)
    return Path(kind)


def archive(*command: str | Path, folder: Path) -> set[str]:
    """Let a tool pack *folder*; return the names of what is in the one archive it makes."""
    nowhere = {f"{name}_proxy": "http://127.0.0.1:9" for name in ("http", "https", "all")}
    place = Path.cwd() / "place"
    environment = os.environ | nowhere | {
        "PLATFORMIO_CORE_DIR": str(place), "PLATFORMIO_SETTING_ENABLE_TELEMETRY": "no",
    }  # fmt: skip
    done = subprocess.run(
        (sys.executable, "-m", *command), cwd=folder, env=environment,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    (made,) = Path("made").glob("*gz")
    with tarfile.open(made) as tar:
        return {name.removeprefix("./") for name in tar.getnames()}


def holds(names: set[str], contents: Contents, file: str) -> None:
    """All that is to be compiled is there, and nothing that was only run."""
    assert {*contents.sources, *contents.headers, file} <= names
    assert not any("verify/" in name for name in names)


def test_the_component_manager_of_esp_idf_packs_a_component(contents: Contents) -> None:
    folder = packed("esp-idf", contents)
    to = Path("made").absolute()
    command = ("component", "pack", "--name", "layers", "--dest-dir", to)
    names = archive("idf_component_manager", *command, folder=folder)
    holds(names, contents, "idf_component.yml")


def test_platformio_packs_a_library(contents: Contents) -> None:
    folder = packed("platformio", contents)
    Path("made").mkdir()
    to = Path("made").absolute() / "library.tar.gz"
    names = archive("platformio", "pkg", "pack", "-o", to, ".", folder=folder)
    holds(names, contents, "library.json")


def test_a_cmsis_pack_has_what_its_schema_asks_for(contents: Contents) -> None:
    """The schema is in no package index, so its required parts are asked for here."""
    folder = packed("cmsis-pack", contents)
    (path,) = folder.glob("*.pdsc")
    pack = ElementTree.parse(path).getroot()  # noqa: S314 - our own
    parts = {name: pack.find(name) for name in ("vendor", "name", "description", "url", "releases")}
    assert None not in parts.values()
    vendor, name = (str(pack.findtext(part)) for part in ("vendor", "name"))
    assert PATTERN.fullmatch(vendor)
    assert PATTERN.fullmatch(name)
    assert path.stem == f"{vendor}.{name}"
    assert pack.attrib["schemaVersion"]
    assert all(VERSION.fullmatch(each.attrib["version"]) for each in pack.iter("release"))
    for component in pack.iter("component"):
        assert {"Cclass", "Cgroup", "Cversion"} <= {*component.keys()}
        assert component.findtext("description")
    files = {each.attrib["name"]: each.attrib["category"] for each in pack.iter("file")}
    assert {name for name in files if files[name] == "sourceC"} == {*contents.sources}
    assert {name for name in files if files[name] == "header"} == {*contents.headers}


def test_a_zephyr_module_has_what_its_schema_allows(contents: Contents) -> None:
    """The schema is part of Zephyr's scripts: ``name`` and ``build.cmake`` are texts."""
    folder = packed("zephyr", contents)
    module = yaml.safe_load((folder / "zephyr" / "module.yml").read_text())
    assert module == {"name": contents.name, "build": {"cmake": "zephyr"}}
    text = (folder / cast("str", module["build"]["cmake"]) / "CMakeLists.txt").read_text()
    named = re.findall(r"\$\{CMAKE_CURRENT_LIST_DIR\}/\.\./(\S+\.c)", text)
    assert tuple(named) == contents.sources
