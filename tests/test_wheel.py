"""The wheel holds all that the command needs, nothing else, and works as the checkout does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

from cases import CASES
from command import SOURCE, tree, write_spec

pytestmark = pytest.mark.slow

CHECKOUT = SOURCE.parent
DATA = ("cmake", "templates", "targets", "firmware")


def run(*command: str | Path, folder: Path, **environment: str) -> str:
    """Run *command* without this process's way to find modules."""
    inherited = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        command,
        cwd=folder,
        env=inherited | {"PYTHONSAFEPATH": "1"} | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def tracked() -> list[str]:
    """Return the files of the checkout that are, or are about to be, under version control."""
    listed = run("git", "ls-files", "-z", "-co", "--exclude-standard", folder=CHECKOUT)
    return sorted(name for name in listed.split("\0") if name and (CHECKOUT / name).is_file())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel, built from a copy of the checkout that holds no leftovers."""
    clean, out = tmp_path_factory.mktemp("clean"), tmp_path_factory.mktemp("wheel")
    for name in tracked():
        (clean / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(CHECKOUT / name, clean / name)
    build = ("--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", out)
    run(sys.executable, "-m", "pip", "wheel", *build, ".", folder=clean)
    (built,) = out.glob("convgen-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the wheel, without its dependencies, is installed in."""
    folder = tmp_path_factory.mktemp("installed")
    install = ("--no-deps", "--no-index", "--no-compile", "--target", folder)
    run(sys.executable, "-m", "pip", "install", *install, wheel, folder=folder)
    return folder


def test_the_wheel_holds_the_package_and_its_data_and_nothing_else(wheel: Path) -> None:
    expected = {name.removeprefix("codegen/") for name in tracked() if name.startswith("codegen/")}
    for folder in DATA:
        files = {f"convgen/_data/{name}" for name in tracked() if name.startswith(f"{folder}/")}
        assert files
        expected |= files
    with zipfile.ZipFile(wheel) as archive:
        found = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert found == expected


def test_type_checkers_are_told_that_the_wheel_is_typed(installed: Path, tmp_path: Path) -> None:
    assert (installed / "convgen" / "py.typed").is_file()
    program = "import convgen\nreveal_type(convgen.Target.load('cortex-m4'))\n"
    (tmp_path / "program.py").write_text(program)
    mypy = (sys.executable, "-m", "mypy", "--follow-imports=silent", "program.py")
    said = run(*mypy, folder=tmp_path, PYTHONPATH=str(installed))
    assert 'Revealed type is "convgen.targets.target.Target"' in said


def test_the_wheel_carries_the_license_and_the_readme(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        assert (CHECKOUT / "README.md").read_text() in archive.read(metadata).decode()
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_what_the_wheel_says_of_itself_is_complete(wheel: Path, tmp_path: Path) -> None:
    """An index would take it: and names who made it, for whom, under which licence."""
    run(sys.executable, "-m", "twine", "check", "--strict", wheel, folder=tmp_path)
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
        head = message_from_bytes(archive.read(name))
    for field in ("Author", "License-Expression", "Summary", "Requires-Python", "Keywords"):
        assert head[field]
    assert "Typing :: Typed" in (head.get_all("Classifier") or [])


def test_the_installed_command_runs_from_the_wheel_alone(installed: Path, tmp_path: Path) -> None:
    where = ("-c", "import convgen.resources as r; print(r.__file__, r.data_dir('targets'))")
    found = run(sys.executable, *where, folder=tmp_path, PYTHONPATH=str(installed))
    package = installed / "convgen"
    assert found.split() == [str(package / "resources.py"), str(package / "_data" / "targets")]


def test_the_installed_command_generates_the_bytes_of_the_checkout(
    installed: Path, tmp_path: Path
) -> None:
    spec = write_spec(CASES["first"], tmp_path / "layer.json")
    arguments = ("-t", "cortex-m4", spec, "-o")
    script = installed / "bin" / "convgen"
    run(sys.executable, script, *arguments, "wheel", folder=tmp_path, PYTHONPATH=str(installed))
    module = (sys.executable, "-m", "convgen")
    run(*module, *arguments, "checkout", folder=tmp_path, PYTHONPATH=str(SOURCE))
    assert tree(tmp_path / "wheel") == tree(tmp_path / "checkout")
