"""Write docs/results.md: what the papers claim, held against the generated code.

Memory comes from the plans, instructions from runs in which every output was right. A sentence that
the figures do not support is marked in the document; for one, and for a run that fails, the script
fails.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from measure import tools
from paper_conclusions import Paragraph, conclusions, printed, unsupported
from paper_runs import FLOAT_BOARD, INT8_BOARD, Grids, measured
from paper_tables import errors, memory
from paper_text import wrapped

RESULTS = Path(__file__).parents[1] / "docs" / "results.md"


DOCUMENT = """
# The papers' claims, measured

Published comparisons of convolution algorithms are of processors with vector units, caches and
tuned matrix libraries. Here their claims meet the C that convgen generates. Written by `make
paper`, with the layers of `benchmarks/paper_layers.py`.

- **Memory** is the workspace: exactly what a caller must provide, beside input and output.
- **Instructions** of one call were counted in runs in which every output was right. Caches and wait
  states are not in them. All algorithms here have the same inner kernels, those in portable C.
- Of the {runs} runs the cost model is off by {error_mean} on average, at worst by {error_worst}.
- `{float_board}`: {float_tools}
- `{int8_board}`: {int8_tools}

## What carries over

{conclusions}

## MEC: memory

The layers of M. Cho and D. Brand, arXiv 1706.06873, padded beforehand; workspaces in elements.
Those of `im2col_full` and `mec` are those of the paper's formulas.

{mec_memory}

Weighted as the paper weights them for ResNet-101 ({resnet_layers}), in float32; it prints a ratio
of {resnet_ratio}:

{resnet}

## The other layers

- Indirect convolution: an 8x8 image, 32 output channels, padding `same`; `c16_3x3` has 16 input
  channels and a 3x3 kernel.
- kn2row: layers of VGG-16 on the 32x32 images of CIFAR-10, with padding `same`.
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
        "conclusions": printed(paragraphs),
    }
    blocks = DOCUMENT.strip().format_map(values).split("\n\n")
    return "\n\n".join(map(wrapped, blocks)) + "\n"


if __name__ == "__main__":
    main()
