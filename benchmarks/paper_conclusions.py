"""Which claims of the papers carry over: sentences, each with whether the figures support it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import nan
from statistics import median

import paper_layers as data
from paper_layers import Spec
from paper_runs import (
    BASE,
    DIRECT,
    INDIRECT,
    KN2ROW_FLOAT,
    KN2ROW_INT8,
    MEC,
    Grid,
    Grids,
    Study,
    elements,
    required,
)
from paper_text import code, percent, span, times

SUM_BYTES = 4
UNSUPPORTED = "**The figures do not support this:**"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """What is said, and whether the figures support it."""

    text: str
    holds: bool = True


Paragraph = Sequence[Sentence]


def said(text: str) -> Sentence:
    """Return a sentence that claims nothing that figures could contradict, or only prints them."""
    return Sentence(text=text)


def sure(holds: bool, text: str) -> Sentence:
    """Return a sentence that the figures support if *holds*."""
    return Sentence(text=text, holds=holds)


def printed(paragraphs: Iterable[Paragraph]) -> str:
    """Return the text, in which what does not hold is marked."""

    def marked(sentence: Sentence) -> str:
        return sentence.text if sentence.holds else f"{UNSUPPORTED} {sentence.text}"

    return "\n\n".join(" ".join(map(marked, sentences)) for sentences in paragraphs)


def unsupported(paragraphs: Iterable[Paragraph]) -> list[str]:
    """Return the sentences that do not hold."""
    return [
        sentence.text for sentences in paragraphs for sentence in sentences if not sentence.holds
    ]


def conclusions(grids: Grids) -> list[Paragraph]:
    """Say which claims carry over to microcontrollers."""
    indirect = (grids.mec, grids.indirect_float, grids.indirect_int8)
    kn2row = (grids.mec, grids.kn2row_float, grids.kn2row_int8)
    return [about_mec(grids.mec), about_indirect(indirect), about_kn2row(kn2row), about_all(kn2row)]


def about_mec(grid: Grid) -> Paragraph:
    """Compare MEC with im2col, whole and by blocks."""
    ratios, blocks = grid.ratios(MEC), grid.ratios("im2col_p4")
    smaller = [elements(layer, MEC) / elements(layer, "im2col_p4") for layer in grid.study.layers]
    return [
        said(
            "**MEC takes about a third of im2col's memory: carries over.** The ratio is the"
            " paper's, since it is arithmetic."
        ),
        sure(
            most(ratios.values()) < 0.1,
            f"The work is about the same: compared with `{BASE}` instructions change by"
            f" {span(ratios)}.",
        ),
        sure(
            most(map(abs, blocks.values())) < 0.001 and min(smaller) > 1,
            "But the whole matrix is needed only to hand it to a library. `im2col_p4` takes the"
            " same instructions within 0.1 % and on these layers"
            f" {min(smaller):.1f} to {max(smaller):,.0f} times less memory than `{MEC}`.",
        ),
    ]


def about_indirect(grids: Sequence[Grid]) -> Paragraph:
    """Compare the indirect algorithms with im2col, with a copy and without."""
    copied = pooled(grids, INDIRECT, lambda layer: not is_pointwise(layer))
    pointwise = pooled(grids, INDIRECT, is_pointwise)
    faster = 1 / (1 + min(copied.values(), default=nan)) - 1
    losses = sum(ratio > 0 for ratio in pointwise.values())
    return [
        sure(
            faster < 0.1,
            f"**Indirect convolution is up to {data.INDIRECT_FASTER_PERCENT} % faster where im2col"
            f" has to copy: does not carry over.** Instructions change by {span(copied)}: it"
            f" is {100 * faster:.1f} % faster at best.",
        ),
        said(
            "A copied element is multiplied for every output channel, so copies are a small part of"
            " the work; and the inner loop starts anew for each tap."
        ),
        sure(
            losses > 0.8 * len(pointwise) and usual(pointwise.values()) < 0.1,
            "**It is slightly slower on 1x1: carries over.** It takes more instructions in"
            f" {losses} of {len(pointwise)} runs; they change by {span(pointwise)}, in half of the"
            f" runs by less than {percent(usual(pointwise.values()))}.",
        ),
    ]


def about_kn2row(grids: Sequence[Grid]) -> Paragraph:
    """Compare kn2row with im2col in memory and instructions."""
    return [*kn2row_memory(), *kn2row_work(grids)]


def kn2row_memory() -> Paragraph:
    """Compare the workspaces of kn2row with the matrix of im2col."""
    in_float, in_int8 = (
        {name: memory_ratio(study, name, "kn2row_as", BASE) for name in study.names}
        for study in (KN2ROW_FLOAT, KN2ROW_INT8)
    )
    return [
        sure(
            all(map(accumulates_in_place, data.VGG_LAYERS)),
            "**kn2row takes a fraction of the memory: carries over for its accumulating form"
            " alone.** `kn2row_aa` needs nothing in float32 and a row of 32-bit sums in int8.",
        ),
        sure(
            max(in_float.values()) > 1 and sum(ratio > 1 for ratio in in_int8.values()) > 2,
            f"`kn2row_as` takes {times(in_float)} times the matrix of `{BASE}` in float32 and"
            f" {times(in_int8)} times in int8, where sums are four times as large as inputs"
            " and a second plane adds them up.",
        ),
    ]


def accumulates_in_place(layer: Spec) -> bool:
    """Whether kn2row_aa needs no memory in float32, and a row of 32-bit sums in int8."""
    _, width, _ = layer["input"]["shape"]
    jobs = (study.jobs[layer["name"], "kn2row_aa"] for study in (KN2ROW_FLOAT, KN2ROW_INT8))
    in_float, in_int8 = (required(job).workspace_bytes for job in jobs)
    return in_float == 0 and in_int8 == width * layer["out_channels"] * SUM_BYTES


def kn2row_work(grids: Sequence[Grid]) -> Paragraph:
    """Compare the instructions of kn2row with those of im2col."""
    deep = pooled(grids, ["kn2row_aa"], lambda layer: not is_image(layer))
    shallow = pooled(grids, ["kn2row_aa"], is_image)
    layers = (layer for grid in grids for layer in grid.study.layers)
    depth = min(layer["input"]["shape"][2] for layer in layers if not is_image(layer))
    return [
        sure(
            most(deep.values()) < 0.05,
            f"**As fast as patch building: carries over for deep inputs.** From {depth} channels"
            f" on `kn2row_aa` changes instructions by {span(deep)}; the best are small"
            " images, of whose padding im2col multiplies the zeros.",
        ),
        sure(
            most(shallow.values()) > 0.1,
            f"On images of 3 channels it changes them by {span(shallow)}: sums are loaded"
            " and stored for every tap, and a tap is but 3 products.",
        ),
    ]


def about_all(grids: Sequence[Grid]) -> Paragraph:
    """Compare what the papers leave out."""
    mec, *_ = grids
    direct = pooled(grids, [DIRECT], lambda layer: True)
    small, large = mec.ratios("winograd_2x2"), mec.ratios("winograd_4x4")
    fewer = sum(ratio < 0 for ratio in direct.values())
    return [
        said(
            f"**What these claims leave out.** `{DIRECT}` needs no workspace and takes fewer"
            f" instructions than `{BASE}` in {fewer} of {len(direct)} runs; they change by"
            f" {span(direct)}."
        ),
        sure(
            most(small.values()) < -0.2 and most(large.values()) < -0.5,
            "Winograd alone saves much of the work, on 3x3 kernels with stride 1 and for more"
            f" weights in flash: `winograd_2x2` changes instructions by {span(small)},"
            f" `winograd_4x4` by {span(large)}.",
        ),
    ]


def usual(ratios: Iterable[float]) -> float:
    """Return the median difference; NaN if nothing was measured."""
    return median(list(ratios) or [nan])


def most(ratios: Iterable[float]) -> float:
    """Return the greatest; of none what is neither less nor more than anything."""
    return max(ratios, default=nan)


def pooled(
    grids: Iterable[Grid], titles: Sequence[str], wanted: Callable[[Spec], bool]
) -> dict[str, float]:
    """Return how *titles* compare with im2col on the wanted layers of several grids."""
    return {
        ", ".join(
            (name, *code([title] if len(titles) > 1 else []), f"`{grid.study.target}`")
        ): ratio
        for grid in grids
        for title in titles
        if title in grid.study.titles
        for name, ratio in grid.ratios(title).items()
        if wanted(grid.study.layer(name))
    }


def memory_ratio(study: Study, layer: str, title: str, base: str) -> float:
    """Return a workspace over that of *base*."""
    mine, other = (required(study.jobs[layer, name]).workspace_bytes for name in (title, base))
    return mine / other


def is_pointwise(layer: Spec) -> bool:
    """Whether im2col copies nothing."""
    return bool(layer["kernel_size"] == 1)


def is_image(layer: Spec) -> bool:
    """Whether the input is a picture, of three channels."""
    return bool(layer["input"]["shape"][2] == 3)
