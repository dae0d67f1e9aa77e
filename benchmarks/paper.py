"""Write docs/results.md: what the papers claim, held against the generated code.

Memory comes from the plans, instructions from runs in which every output was right; what is too
large to run is predicted and marked so. A run that fails and a sentence that the figures
do not support are marked in the document, and the script fails.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from measure import tools
from paper_conclusions import Paragraph, conclusions, printed, unsupported
from paper_runs import FLOAT_BOARD, INT8_BOARD, Grids, measured
from paper_tables import (
    errors,
    init_calls,
    instructions,
    memory,
)
from paper_text import exact, millions, wrapped

RESULTS = Path(__file__).parents[1] / "docs" / "results.md"


DOCUMENT = """
# The papers' claims, measured

Published comparisons of convolution algorithms are of processors with vector units, caches and
tuned matrix libraries. This page holds their claims against the C that convgen generates. Written
by `make paper`: `benchmarks/paper.py`, with the layers of `benchmarks/paper_layers.py`.

- **Memory** is the workspace of the plan that the code is generated from: exactly what a caller
  must provide, beside input and output.
- **Instructions** of one call are measured: the code was built and run once under emulation, and
  every output was right. They tell work, not time: caches and wait states are not in them. Those
  of the init function of `indirect_init` are not part of a call.
- All algorithms here have the same inner kernels on these targets, those in portable C. On others
  some have kernels in assembly, which are ahead by far: `docs/performance.md`.
- **~** marks instructions that the cost model predicts, where a run would be too large. Of the
  {runs} runs on this page it is off by {error_mean} on average, at worst by {error_worst}. The
  conclusions use what was measured alone.
- **–**: the algorithm cannot do the layer; `convgen --compare` tells why.
- `{float_board}`: {float_tools}
- `{int8_board}`: {int8_tools}

## What carries over

{conclusions}

## MEC: memory

The layers of M. Cho and D. Brand, arXiv 1706.06873: images are padded beforehand. Workspaces in
elements.

{mec_memory}

The elements of `im2col_full` and `mec` are those of the paper's formulas. Weighted as the paper
weights them for ResNet-101 ({resnet_layers}), in float32:

{resnet}

The paper prints a ratio of {resnet_ratio}. Its example, a 7x7 image with a 3x3 kernel, takes
{example_im2col} elements by im2col and {example_mec} by MEC.

## MEC's layers: instructions

Millions of instructions, float32 on `{float_board}`. `winograd_2x2` and `winograd_4x4` take as many
tiles at once as the layer allows, up to 4.

{mec_instructions}

## Indirect convolution by depth

M. Dukhan, arXiv 1907.02129. An 8x8 image, 32 output channels, padding `same`; `c16_3x3` has 16
input channels and a 3x3 kernel. Instructions, int8 on `{int8_board}`:

{indirect_int8}

Instructions, float32 on `{float_board}`:

{indirect_float}

`im2col_full` copies nothing for 1x1 kernels with stride 1. The init function of `indirect_init`
runs once: {init_int8} (int8) and {init_float} (float32).

## kn2row on VGG's layers

A. Vasudevan, A. Anderson and D. Gregg, arXiv 1704.04428, and A. Anderson et al., arXiv 1709.03395.
Layers of VGG-16 on the 32x32 images of CIFAR-10, with padding `same`. Workspaces in elements,
float32:

{kn2row_memory}

`kn2row` holds `KH*KW*M*H*W` sums, `kn2row_as` `M*H*W`, `kn2row_aa` none: in float32 the output
itself holds them. In int8 sums are of 32 bits and need memory of their own.

Millions of instructions, float32 on `{float_board}`:

{kn2row_float}

Millions of instructions, int8 on `{int8_board}`:

{kn2row_int8}
"""


def main() -> None:
    """Measure everything and write the document."""
    sizes = memory()  # first: what is wrong with a plan is told before anything runs
    grids = measured()
    paragraphs = conclusions(grids)
    RESULTS.write_text(document(sizes, grids, paragraphs), encoding="utf-8")
    wrong = [f"the figures do not support: {text}" for text in unsupported(paragraphs)]
    if complaints := [*grids.failures, *wrong]:
        raise SystemExit("\n".join(complaints))


def document(sizes: Mapping[str, str], grids: Grids, paragraphs: Sequence[Paragraph]) -> str:
    """Return the whole text."""
    values = {
        **sizes,
        **errors(grids.all),
        "float_board": FLOAT_BOARD,
        "float_tools": tools(FLOAT_BOARD),
        "int8_board": INT8_BOARD,
        "int8_tools": tools(INT8_BOARD),
        "mec_instructions": instructions(grids.mec, millions),
        "indirect_int8": instructions(grids.indirect_int8, exact),
        "indirect_float": instructions(grids.indirect_float, exact),
        "init_int8": init_calls(grids.indirect_int8),
        "init_float": init_calls(grids.indirect_float),
        "kn2row_float": instructions(grids.kn2row_float, millions),
        "kn2row_int8": instructions(grids.kn2row_int8, millions),
        "conclusions": printed(paragraphs),
    }
    blocks = DOCUMENT.strip().format_map(values).split("\n\n")
    return "\n\n".join(map(wrapped, blocks)) + "\n"


if __name__ == "__main__":
    main()
