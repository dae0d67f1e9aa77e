"""The same spec, options and version give the same bytes, wherever and however they are run."""

from __future__ import annotations

from pathlib import Path

import pytest

from cases import CASES
from command import convgen_process, tree, write_spec

pytestmark = pytest.mark.emulator

RUNS = {
    "compared": ("grouped", ["-t", "cortex-m0", "--compare", "--optimize", "speed"]),
    "overlapping": ("depthwise", ["-t", "rv32imc", "--overlap"]),
    "host": ("connected", ["-t", "host", "--seed", "5"]),
}
PLACES = {
    "a": {"PYTHONHASHSEED": "1", "LC_ALL": "C.UTF-8", "TZ": "UTC"},
    "another/folder, longer = ünd": {"PYTHONHASHSEED": "2", "LC_ALL": "POSIX", "TZ": "Asia/Tokyo"},
}


@pytest.mark.parametrize(("case", "options"), RUNS.values(), ids=RUNS)
def test_every_byte_is_the_same(case: str, options: list[str], tmp_path: Path) -> None:
    trees = []
    for place, environment in PLACES.items():
        folder = tmp_path / place
        spec = write_spec(CASES[case], folder / "specs" / "layer.json")
        elsewhere = folder / "elsewhere"
        elsewhere.mkdir()
        apart = {**environment, "XDG_CACHE_HOME": str(folder / "cache")}
        command = [*options, "-o", folder / "out", spec]
        result = convgen_process(*command, environment=apart, cwd=elsewhere)
        assert (result.status, result.stderr) == (0, "")
        trees.append(tree(folder / "out"))
    first, second = trees
    assert first.keys() == second.keys()
    assert {name for name in first if first[name] != second[name]} == set()
    assert {"report.json", f"verify/{case}.elf", f"verify/{case}.map"} < first.keys()
