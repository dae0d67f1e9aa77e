"""The memory figures of docs/results.md, which need no run, and the words around the others."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "docs" / "results.md"


@pytest.fixture(scope="module")
def paper() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "benchmarks")
        yield importlib.import_module("paper")


def test_the_published_elements_are_those_of_the_plans(paper: ModuleType) -> None:
    (cv4,) = (layer for layer in paper.data.MEC_LAYERS if layer["name"] == "cv4")
    assert paper.elements(cv4, "im2col_full") == 109 * 109 * 7 * 7 * 64
    assert paper.elements(cv4, "mec") == 109 * 223 * 7 * 64
    assert paper.elements(paper.data.EXAMPLE, "im2col_full") == 225
    assert paper.elements(paper.data.EXAMPLE, "mec") == 105


def test_the_document_holds_the_memory_figures(paper: ModuleType) -> None:
    text = unwrapped(RESULTS.read_text(encoding="utf-8"))
    for name, part in paper.memory().items():
        assert unwrapped(part) in text, f"run `make paper`: {name} is not\n{part}"


def unwrapped(text: str) -> str:
    return " ".join(text.split())


def test_a_figure_that_the_plans_do_not_give_is_refused(paper: ModuleType) -> None:
    with pytest.raises(AssertionError):
        paper.check({"im2col_full": 226, "mec": 105}, paper.data.EXAMPLE_LOWERED)


def figures(paper: ModuleType, instructions: int, too_large: str | None = None) -> Any:
    return paper.Figures(predicted=110, instructions=instructions, init=0, too_large=too_large)


def grid(paper: ModuleType, **cells: Any) -> Any:
    layers = [paper.data.EXAMPLE]
    columns = [paper.column(name) for name in cells]
    study = paper.Study(target="rv32imafc", layers=layers, columns=columns)
    return paper.Grid(study=study, cells={("example", name): cell for name, cell in cells.items()})


def test_predictions_are_marked_and_not_compared(paper: ModuleType) -> None:
    found = grid(
        paper,
        im2col_full=figures(paper, 100),
        mec=figures(paper, 90),
        direct=figures(paper, 110, "too large"),
        kn2row=None,
    )
    assert found.ratios("mec") == {"example": pytest.approx(-0.1)}
    assert found.ratios("direct") == {}
    assert "| example | 100 | 90 | ~110 | – |" in paper.instructions(found, paper.exact)
    assert paper.left_out(found) == "- too large: example (`direct`)"


def test_a_sentence_that_the_numbers_do_not_support_ends_the_script(paper: ModuleType) -> None:
    assert paper.sure(True, "said") == "said"
    with pytest.raises(SystemExit, match="do not support: said"):
        paper.sure(False, "said")
