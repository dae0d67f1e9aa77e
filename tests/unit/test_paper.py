"""The memory figures of docs/results.md, which need no run, and the words around the others.

The last test is of `prices`, which are fitted to what is measured with the same functions.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "docs" / "results.md"
MODULES = ("conclusions", "layers", "runs", "tables", "text")


@pytest.fixture(scope="module")
def paper() -> Iterator[SimpleNamespace]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "benchmarks")
        parts = {name: importlib.import_module(f"paper_{name}") for name in MODULES}
        yield SimpleNamespace(script=importlib.import_module("paper"), **parts)


@pytest.fixture(scope="module")
def sizes(paper: SimpleNamespace) -> dict[str, str]:
    found: dict[str, str] = paper.tables.memory()
    return found


def test_the_published_elements_are_those_of_the_plans(paper: SimpleNamespace) -> None:
    elements, layers = paper.runs.elements, paper.layers
    (cv4,) = (layer for layer in layers.MEC_LAYERS if layer["name"] == "cv4")
    assert elements(cv4, "im2col_full") == 109 * 109 * 7 * 7 * 64
    assert elements(cv4, "mec") == 109 * 223 * 7 * 64
    assert elements(layers.EXAMPLE, "im2col_full") == 225
    assert elements(layers.EXAMPLE, "mec") == 105


def test_the_document_holds_the_memory_figures(sizes: dict[str, str]) -> None:
    text = unwrapped(RESULTS.read_text(encoding="utf-8"))
    for name, part in sizes.items():
        assert unwrapped(part) in text, f"run `make paper`: {name} is not\n{part}"


def unwrapped(text: str) -> str:
    return " ".join(text.split())


def test_the_runs_support_every_sentence_of_the_document(paper: SimpleNamespace) -> None:
    text = RESULTS.read_text(encoding="utf-8")
    assert paper.conclusions.UNSUPPORTED not in text


def test_a_figure_that_the_plans_do_not_give_is_refused(paper: SimpleNamespace) -> None:
    with pytest.raises(AssertionError, match="226"):
        paper.tables.check({"im2col_full": 226, "mec": 105}, paper.layers.EXAMPLE_LOWERED)


def figures(paper: SimpleNamespace, instructions: int, too_large: str | None = None) -> Any:
    return paper.runs.Figures(predicted=110, instructions=instructions, too_large=too_large)


def grid(paper: SimpleNamespace, **cells: Any) -> Any:
    layers = [paper.layers.EXAMPLE]
    columns = [paper.runs.column(name) for name in cells]
    study = paper.runs.Study(target="rv32imafc", layers=layers, columns=columns)
    named = {("example", name): cell for name, cell in cells.items()}
    return paper.runs.Grid(study=study, cells=named)


def test_predictions_are_not_compared(paper: SimpleNamespace) -> None:
    found = grid(
        paper,
        im2col_full=figures(paper, 100),
        mec=figures(paper, 90),
        direct=figures(paper, 110, "too large"),
        kn2row=None,
    )
    assert found.ratios("mec") == {"example": pytest.approx(-0.1)}
    assert found.ratios("direct") == {}


def test_a_sentence_that_the_figures_do_not_support_is_marked(paper: SimpleNamespace) -> None:
    module = paper.conclusions
    paragraphs = [[module.said("One."), module.sure(True, "Two.")], [module.sure(False, "Three.")]]
    assert module.printed(paragraphs) == f"One. Two.\n\n{module.UNSUPPORTED} Three."
    assert module.unsupported(paragraphs) == ["Three."]


Written = Callable[[Any], tuple[str, str]]


@pytest.fixture
def written(
    paper: SimpleNamespace,
    sizes: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Written:
    """The document and the complaint where every run gave the same."""

    def write(cell: Any) -> tuple[str, str]:
        runs = paper.runs
        alike = {
            name: runs.Grid(study=study, cells=dict.fromkeys(study.jobs, cell))
            for name, study in runs.STUDIES.items()
        }
        monkeypatch.setattr(paper.script, "RESULTS", tmp_path / "results.md")
        monkeypatch.setattr(paper.script, "memory", lambda: sizes)
        monkeypatch.setattr(paper.script, "measured", lambda: runs.Grids(**alike))
        monkeypatch.setattr(paper.script, "tools", lambda name: "a compiler")
        with pytest.raises(SystemExit) as ended:
            paper.script.main()
        return (tmp_path / "results.md").read_text(encoding="utf-8"), str(ended.value)

    return write


def test_what_was_measured_is_written_even_if_it_supports_nothing(
    paper: SimpleNamespace, written: Written
) -> None:
    text, complaint = written(figures(paper, 123))
    assert "do not support: Winograd alone" in complaint
    assert f"{paper.conclusions.UNSUPPORTED} Winograd alone" in unwrapped(text)


def test_what_failed_is_told(paper: SimpleNamespace, written: Written) -> None:
    failed = replace(figures(paper, 0), failure="cv5: mec: it faults")
    _, complaint = written(failed)
    assert complaint.startswith("cv5: mec: it faults\n")


def test_what_asks_something_of_the_caller_is_no_choice(paper: SimpleNamespace) -> None:
    def sample(algorithm: str, work: int, instructions: int, *, asks: bool = False) -> Any:
        found = measure.Measured(
            instructions=instructions,
            init_instructions=0,
            code_bytes=0,
            stack_bytes=0,
            ram_without_stack=0,
            asks=asks,
            compiler="",
        )
        return prices.Sample(
            table=("rv32", "int8"),
            layer="first",
            algorithm=algorithm,
            family=algorithm,
            work={"unit": work},
            measured=found,
        )

    measure, prices = map(importlib.import_module, ("measure", "prices"))
    samples = [sample("direct", 10, 110), sample("im2col_p2", 11, 100)]
    fastest = sample("indirect_init", 9, 90, asks=True)
    for known in (samples, [*samples, fastest]):
        assert prices.predict(known, {"unit": 10.0}).choices() == [pytest.approx(0.1)]
