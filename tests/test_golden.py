"""The generated text of a few small layers, as files a person can read and review.

A change of the text fails here; `make golden` writes the new text for review.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from cases import CASES, OPERATORS, Spec
from cases import spec as spec_of
from convgen.formats import spec
from convgen.model.operator import Operator
from convgen.plans import registry
from convgen.plans.plan import Plan
from convgen.schedule.overlap import share
from convgen.sources.generate import layer_files
from convgen.system import seal
from convgen.targets import target
from convgen.targets.target import Target
from planned import planned

GOLDEN = Path(__file__).parent / "golden"
DIGEST = re.compile(rf"(?<= \* {seal.LINE}: )\w+")  # it would change with every other line
TARGET, FEW_REGISTERS = "cortex-m4", "cortex-m0"
# one or two cases for each template, chosen so that every branch is printed somewhere
CHOSEN = [
    ("first", "direct"),
    ("valid", "direct"),
    ("depthwise", "direct"),
    ("grouped", "direct"),
    ("deep", "direct"),
    ("deep", "direct_w16"),
    ("planes", "direct_planes"),
    ("depthwise", "direct_planes"),
    ("planes", "direct_planes_inplace"),
    ("planes", "direct_planes_wide"),
    ("depthwise", "direct_planes_wide_r2"),
    ("first", "im2col_p2"),
    ("deep", "im2col_p2"),
    ("first", "im2col_p2_wide"),
    ("deep", "im2col_p2_wide"),
    ("grouped", "mec"),
    ("pointwise", "im2col_full"),
    ("multiplier", "im2col_p2"),
    ("grouped", "im2col_p1"),
    ("connected", "im2col_full"),
    ("real", "im2col_p2"),
    ("deep", "kn2row"),
    ("grouped", "kn2row_as"),
    ("first", "kn2row_aa"),
    ("real", "kn2row_aa"),
    ("deep", "kn2row_aa_holes"),
    ("first", "indirect_flash"),
    ("depthwise", "indirect_row"),
    ("small", "indirect_init"),
    ("deep", "mec"),
    ("grouped", "mec_ring"),
    ("deep", "winograd_2x2_t2"),
    ("small", "winograd_4x4_t1_ram"),
    ("first", "winograd_4x4_t2"),
    ("real", "winograd_2x2_t1_ram"),
    ("joined", "add"),
    ("mean", "pool"),
    ("most", "pool"),
]
IN_ONE_POOL = {
    "same": spec_of("same", [5, 10, 4], 4, 3, activation="relu"),
    "causal": spec_of("causal", [1, 9, 4], 6, [1, 3], padding=[0, 2, 0, 0]),
}
WITH_OVERLAP = [
    ("small", "indirect_init"),
    ("same", "winograd_2x2_t1"),
    ("causal", "direct"),
    ("causal", "im2col_p2"),
]
ON_FEW_REGISTERS = [
    ("deep", "direct_w16"),
    ("depthwise", "direct_planes"),
    ("deep", "im2col_p1"),
    ("deep", "winograd_4x4_t1"),
]
BYTES = {"dtype": "int8", "scale": 0.05, "zero_point": -128}
WHOLE_IMAGES: dict[str, Spec] = {
    name: {
        "name": name,
        "op": "average_pool",
        "input": {"shape": [*sides, channels], **BYTES},
        "kernel_size": sides,
    }
    for name, sides, channels in (("whole", [5, 6], 9), ("tall", [40, 8], 4))
}
IN_SLICES = [
    ("connected", "accumulate_connected"),
    ("whole", "accumulate_pool"),
    ("tall", "accumulate_pool"),
]
# cores with an assembly of their own, by the end of the file's name
ON_OTHER_CORES = {
    "m3": ("cortex-m3", [("first", "direct_w16")]),
    "rv32": ("rv32imc", [("pointwise", "im2col_full_w16")]),
}


def generated(
    case: str, algorithm: str, board: Target, folder: Path, *, overlap: bool
) -> dict[str, str]:
    path = folder / "layer.json"
    path.write_text(json.dumps((CASES | IN_ONE_POOL | WHOLE_IMAGES | OPERATORS)[case]))
    layer = spec.load(path)
    if (case, algorithm) in IN_SLICES:
        return without_digests(layer_files(sliced(layer, board), board, None, by_rows=True))
    plan, pool = planned(algorithm, layer, board), None
    if overlap:
        plan, pool = share(plan)
    return without_digests(layer_files(plan, board, pool))


def sliced(operator: Operator, board: Target) -> Plan:
    """Return what takes its input in slices."""
    plan = registry.accumulating(operator, board)
    assert isinstance(plan, Plan)
    return plan


def without_digests(texts: dict[str, str]) -> dict[str, str]:
    return {name: DIGEST.sub(seal.UNSEALED, text) for name, text in texts.items()}


def expected_files() -> dict[str, tuple[str, str, str, bool]]:
    names = {f"{a}/{case}": (case, a, TARGET, False) for case, a in CHOSEN}
    names |= {f"{a}/{case}_overlap": (case, a, TARGET, True) for case, a in WITH_OVERLAP}
    names |= {f"{a}/{case}_m0": (case, a, FEW_REGISTERS, False) for case, a in ON_FEW_REGISTERS}
    for board, end in ((TARGET, ""), (FEW_REGISTERS, "_m0")):
        names |= {f"{a}/{case}{end}": (case, a, board, False) for case, a in IN_SLICES}
    for end, (board, chosen) in ON_OTHER_CORES.items():
        names |= {f"{a}/{case}_{end}": (case, a, board, False) for case, a in chosen}
    return names


@pytest.mark.parametrize("name", expected_files())
def test_the_text_is_the_golden_text(name: str, tmp_path: Path, update_golden: bool) -> None:
    case, algorithm, board, overlap = expected_files()[name]
    files = generated(case, algorithm, target.load(board), tmp_path, overlap=overlap)
    for file in (f"{case}.c", f"{case}.h"):
        golden = (GOLDEN / name).with_suffix(Path(file).suffix)
        if update_golden:
            golden.parent.mkdir(parents=True, exist_ok=True)
            golden.write_text(files[file])
        assert golden.is_file(), f"{golden} is missing; run `make golden` and review the diff"
        assert files[file] == golden.read_text(), (
            f"{golden} is stale; run `make golden` and review the diff"
        )


def test_no_golden_file_is_an_orphan() -> None:
    wanted = {f"{name}{suffix}" for name in expected_files() for suffix in (".c", ".h")}
    found = {str(path.relative_to(GOLDEN)) for path in GOLDEN.rglob("*") if path.is_file()}
    assert found == wanted


@pytest.mark.parametrize("name", expected_files())
def test_every_macro_has_the_name_of_its_layer_and_a_use(name: str) -> None:
    """A firmware's macros stay what they are: the sources end none either."""
    layer = expected_files()[name][0].upper()
    for suffix, own in ((".h", rf"{layer}_[A-Z]\w*|CONVGEN_{layer}_H"), (".c", rf"{layer}__\w+")):
        text = (GOLDEN / name).with_suffix(suffix).read_text()
        macros = re.findall(r"^\s*#\s*define\s+(\w+)", text, re.MULTILINE)
        assert macros
        assert [macro for macro in macros if not re.fullmatch(own, macro)] == []
        assert "#undef" not in text
        if suffix == ".c":
            uses = re.sub(r"#define \w+|/\*.*?\*/", "", text, flags=re.DOTALL)
            assert [m for m in macros if not re.search(rf"\b{m}\b", uses)] == []


def test_the_same_spec_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    board = target.load(TARGET)
    texts = [
        generated("first", "direct", board, folder, overlap=False) for folder in (first, second)
    ]
    assert texts[0] == texts[1]
