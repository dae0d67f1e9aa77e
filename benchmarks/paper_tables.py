"""The tables of docs/results.md: memory, from plans alone; and how good predictions are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import nan
from statistics import fmean

import paper_layers as data
from paper_layers import Lowered, Spec
from paper_runs import (
    BASE,
    FLOAT_BYTES,
    KN2ROW_FLOAT,
    MEC,
    Grid,
    elements,
)
from paper_text import code, exact, mib, percent, table

LOWERED = (BASE, MEC, "mec_ring", "im2col_p4")


def memory() -> dict[str, str]:
    """Return the parts of the document that need no run."""
    workspaces = {
        layer["name"]: {name: elements(layer, name) for name in LOWERED}
        for layer in data.MEC_LAYERS
    }
    example = {name: elements(data.EXAMPLE, name) for name in (BASE, MEC)}
    check(example, data.EXAMPLE_LOWERED)
    check_kn2row()
    for name, published in data.MEC_LOWERED.items():
        check(workspaces[name], published)
    return {
        "mec_memory": lowered(workspaces),
        "resnet": resnet(workspaces),
        "resnet_ratio": data.RESNET101_RATIO,
        "resnet_layers": ", ".join(f"{name} x{n}" for name, n in data.RESNET101.items()),
    }


def check(found: Mapping[str, int], published: Lowered) -> None:
    """Compare the plans with the paper."""
    sizes = Lowered(im2col=found[BASE], mec=found[MEC])
    assert sizes == published, f"planned {sizes}, published {published}"


def lowered(workspaces: Mapping[str, Mapping[str, int]]) -> str:
    """Return the table of MEC's layers."""

    def row(layer: Spec) -> list[str]:
        found = workspaces[layer["name"]]
        sizes = [exact(found[name]) for name in (BASE, MEC)]
        ratio = f"{found[BASE] / found[MEC]:.2f}"
        return [layer["name"], *sizes, ratio]

    ratio = f"`{BASE}` / `{MEC}`"
    heads = ["layer", *code([BASE, MEC]), ratio]
    return table(heads, map(row, data.MEC_LAYERS))


def resnet(workspaces: Mapping[str, Mapping[str, int]]) -> str:
    """Return the weighted sums of ResNet-101."""
    sums = {
        name: sum(workspaces[layer][name] * times for layer, times in data.RESNET101.items())
        for name in LOWERED
    }
    assert f"{sums[BASE] / sums[MEC]:.1f}" == data.RESNET101_RATIO, sums
    ratios = [f"{sums[BASE] / size:,.2f}" for size in sums.values()]
    return table(
        ["ResNet-101", *code(LOWERED)],
        [
            ["MiB", *(mib(size * FLOAT_BYTES) for size in sums.values())],
            [f"times less than `{BASE}`", *ratios],
        ],
    )


def check_kn2row() -> None:
    """Compare the float32 workspaces of VGG's layers with the formulas of the paper."""
    for layer in KN2ROW_FLOAT.layers:
        height, width, in_c = layer["input"]["shape"]
        taps, out_c = layer["kernel_size"] ** 2, layer["out_channels"]
        wanted = {
            BASE: height * width * taps * in_c,
            "kn2row": taps * out_c * height * width,
            "kn2row_as": out_c * height * width,
            "kn2row_aa": 0,
        }
        found = {name: elements(layer, name) for name in wanted}
        assert found == wanted, f"{layer['name']}: planned {found}, by the formulas {wanted}"


def errors(grids: Iterable[Grid]) -> dict[str, str]:
    """Return how good the predictions of the measured runs are."""
    found = {
        f"`{title}`, {name}, `{grid.study.target}`": error
        for grid in grids
        for (name, title), error in grid.errors.items()
    }
    worst = max(found, key=lambda key: abs(found[key]), default="nothing was measured")
    return {
        "runs": str(len(found)),
        "error_mean": f"{100 * fmean(map(abs, found.values() or [nan])):.1f} %",
        "error_worst": f"{percent(found.get(worst, nan))} ({worst})",
    }
