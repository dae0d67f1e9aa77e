"""The text that is generated of a few small layers, and what of it the golden files show.

A line is shown the first time that it is printed: what is in a file before is left out, with the
count of its lines. Neither the layer's name counts, nor numbers, types and indentation, so that a
kernel is shown once, in one shape of block.
"""

from __future__ import annotations

import functools
import json
import re
import tempfile
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

import convgen
from cases import CASES, OPERATORS, Spec
from cases import spec as spec_of
from convgen.choices import Feed
from convgen.formats import spec
from convgen.model.graph import Graph
from convgen.model.operator import Operator
from convgen.plans import registry
from convgen.plans.plan import Plan
from convgen.schedule.network import Planner, Schedule
from convgen.schedule.overlap import share
from convgen.schedule.select import Budget
from convgen.sources.generate import layer_files
from convgen.sources.network import network_files
from convgen.system import seal
from convgen.targets import target
from convgen.targets.target import Target
from planned import planned

NUMBER = re.compile(r"\d+")
TYPE = re.compile(r"\b(?:float|u?int\d+_t)\b")
DIGEST = re.compile(rf"(?<= \* {seal.LINE}: )\w+")  # it would change with every other line
DIGITS = Path(__file__).parents[1] / "examples" / "digits" / "digits.tflite"
TARGET, FEW_REGISTERS = "cortex-m4", "cortex-m0"
# one or two cases for each template, chosen so that every branch is printed somewhere
CHOSEN = [
    ("first", "direct"),
    ("valid", "direct"),
    ("depthwise", "direct"),
    ("grouped", "direct"),
    ("deep", "direct"),
    ("deep", "direct_w16"),
    ("halves", "direct"),
    ("planes", "direct_planes"),
    ("depthwise", "direct_planes"),
    ("planes", "direct_planes_inplace"),
    ("planes", "direct_planes_wide"),
    ("steps", "direct_lanes"),
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
    ("upwards", "transposed"),
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
    ("upwards", "transposed"),
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
NETWORKS: dict[str, tuple[Feed, str]] = {
    "network/digits": ("whole", TARGET),
    "network/digits_rows": ("rows", TARGET),
}
"""The network of `examples/digits` in the least RAM: of its source what is behind the operators."""

FIRST_OF_STAGE = "/* How many rows of "

# cores with an assembly of their own, by the end of the file's name
ON_OTHER_CORES = {
    "m3": ("cortex-m3", [("first", "direct_w16")]),
    "m55": ("cortex-m55", [("first", "im2col_p2"), ("depthwise", "direct_quads")]),
    "rv32": ("rv32imc", [("pointwise", "im2col_full_w16")]),
    "rvv": ("rv32imcv", [("deep", "direct"), ("depthwise", "direct")]),
}


def generated(
    case: str, algorithm: str, board: Target, folder: Path, *, overlap: bool
) -> dict[str, str]:
    """Return the files of a case, without digests."""
    if case == "digits":
        texts = without_digests(network_files(fused(algorithm, board), board))
        return {name: text[max(text.find(FIRST_OF_STAGE), 0) :] for name, text in texts.items()}
    path = folder / "layer.json"
    path.write_text(json.dumps((CASES | IN_ONE_POOL | WHOLE_IMAGES | OPERATORS)[case]))
    layer = spec.load(path)
    if (case, algorithm) in IN_SLICES:
        return without_digests(layer_files(sliced(layer, board), board, None, by_rows=True))
    plan, pool = planned(algorithm, layer, board), None
    if overlap:
        plan, pool = share(plan)
    return without_digests(layer_files(plan, board, pool))


def fused(feed: str, board: Target) -> Schedule:
    """Return the network of digits, whose operators go row by row."""
    graph = convgen.read(DIGITS)
    assert isinstance(graph, Graph)
    planner = Planner(graph, board, feed="rows" if feed == "rows" else "whole")
    return planner.plan("workspace", Budget(ram=2**20, flash=2**20))


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
    names |= {name: ("digits", feed, board, False) for name, (feed, board) in NETWORKS.items()}
    for end, (board, chosen) in ON_OTHER_CORES.items():
        names |= {f"{a}/{case}_{end}": (case, a, board, False) for case, a in chosen}
    return names


@functools.cache
def texts() -> dict[str, str]:
    """Return the text of each golden file, by its path, whole."""
    found: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (case, algorithm, board, overlap) in expected_files().items():
            files = generated(case, algorithm, target.load(board), Path(folder), overlap=overlap)
            found |= {f"{name}{suffix}": files[f"{case}{suffix}"] for suffix in (".c", ".h")}
    return found


@functools.cache
def shown() -> dict[str, str]:
    """Return what the golden files show of `texts`: what none before it does."""
    seen: set[str] = set()
    found = {}
    for path, text in texts().items():
        lines, case = text.splitlines(), expected_files()[path[:-2]][0]
        marks = list(_news([pattern(line, case) for line in lines], seen))
        found[path] = "".join(f"{line}\n" for line in _without_old(lines, marks))
    return found


def pattern(line: str, case: str) -> str:
    """Return *line* without the layer's name, numbers, types and indentation."""
    text = line.strip().replace(case.upper(), "NAME").replace(case, "name")
    return NUMBER.sub("0", TYPE.sub("type", text))


def _news(patterns: Iterable[str], seen: set[str]) -> Iterator[bool]:
    """Say of each line whether it is printed for the first time."""
    for each in patterns:
        yield each not in seen
        seen.add(each)


def _without_old(lines: Iterable[str], news: Iterable[bool]) -> Iterator[str]:
    for is_new, run in groupby(zip(lines, news, strict=True), key=lambda each: each[1]):
        left = [line for line, _ in run]
        yield from left if is_new or len(left) == 1 else [f"... {len(left)} lines"]
