"""The order of preference, the budget, and names of algorithms."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import minimal
from cases import CASES
from convgen.errors import UsageError
from convgen.schedule.select import Budget, Candidate, Rejected, named, preference, survey
from convgen.targets import target


@pytest.fixture
def surveyed(tmp_path: Path) -> tuple[tuple[Candidate, ...], tuple[Rejected, ...]]:
    path = tmp_path / "layer.json"
    path.write_text(json.dumps(CASES["first"]))
    return survey(minimal.read(path), target.load("cortex-m4"), overlap=False)


def test_workspace_prefers_the_least_workspace_and_stack(
    surveyed: tuple[tuple[Candidate, ...], tuple[Rejected, ...]],
) -> None:
    sizes = [c.plan.workspace_bytes + c.stack for c in preference(surveyed[0], "workspace")]
    assert sizes == sorted(sizes)


def test_speed_prefers_the_fewest_predicted_instructions(
    surveyed: tuple[tuple[Candidate, ...], tuple[Rejected, ...]],
) -> None:
    counts = [c.instructions for c in preference(surveyed[0], "speed")]
    assert counts == sorted(counts)


def test_flash_prefers_the_least_flash(
    surveyed: tuple[tuple[Candidate, ...], tuple[Rejected, ...]],
) -> None:
    sizes = [c.flash for c in preference(surveyed[0], "flash")]
    assert sizes == sorted(sizes)


def test_ram_is_tensors_workspace_and_stack(
    surveyed: tuple[tuple[Candidate, ...], tuple[Rejected, ...]],
) -> None:
    for candidate in surveyed[0]:
        layer = candidate.plan.layer
        tensors = layer.input_bytes + layer.output_bytes
        assert candidate.ram == tensors + candidate.plan.workspace_bytes + candidate.stack
        assert candidate.fits(Budget(ram=candidate.ram, flash=candidate.flash))
        assert not candidate.fits(Budget(ram=candidate.ram - 1, flash=candidate.flash))
        assert not candidate.fits(Budget(ram=candidate.ram, flash=candidate.flash - 1))


def test_a_family_name_keeps_its_variants(
    surveyed: tuple[tuple[Candidate, ...], tuple[Rejected, ...]],
) -> None:
    assert {c.plan.family for c in named("im2col", *surveyed)} == {"im2col"}
    assert [c.algorithm for c in named("im2col_p2", *surveyed)] == ["im2col_p2"]


def test_a_family_of_which_all_ask_something_is_kept_whole(
    surveyed: tuple[tuple[Candidate, ...], tuple[Rejected, ...]],
) -> None:
    asking = [c for c in surveyed[0] if c.asks]
    assert {c.algorithm for c in asking} == {"indirect_init", "kn2row_aa_holes"}
    assert named("indirect", asking, ()) == tuple(asking[-1:])
    assert all(c.asks is None for c in named("indirect", surveyed[0], ()))


def test_an_unknown_algorithm_is_refused_with_a_hint(
    surveyed: tuple[tuple[Candidate, ...], tuple[Rejected, ...]],
) -> None:
    with pytest.raises(UsageError, match="did you mean 'im2col_p2'"):
        named("im2colp2", *surveyed)


def test_an_algorithm_that_cannot_do_the_layer_says_why(tmp_path: Path) -> None:
    path = tmp_path / "layer.json"
    path.write_text(json.dumps(CASES["pointwise"]))
    found = survey(minimal.read(path), target.load("cortex-m4"), overlap=False)
    with pytest.raises(UsageError, match="im2col_p4: needs an inner loop of 4 at a time"):
        named("im2col_p4", *found)
