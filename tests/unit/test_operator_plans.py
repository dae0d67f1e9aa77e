"""What plans of operators that only models have take for granted, each proved."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

import numpy as np
import pytest

import random_plain
from convgen.model import ops
from convgen.model.ops.convert import Quantize
from convgen.model.ops.softmax import Softmax
from convgen.model.tensor import Tensor
from convgen.plans import arithmetic, registry
from convgen.plans.convert import MOST_STEPS, least_values
from convgen.plans.plan import Plan
from convgen.plans.runs import distance_above, places
from convgen.plans.scaling import Rescaled, find
from convgen.plans.softmax import find_powers
from convgen.schedule.select import survey
from convgen.targets import target

MOVERS = ("pad", "slice", "transpose", "concatenation", "copy", "resize_nearest")


def quantisation(scale: float, zero_point: int) -> Quantize:
    return Quantize(
        name="q",
        inputs=(Tensor(name="input", shape=(1,), dtype="float32"),),
        output=Tensor(name="output", shape=(1,), dtype="int8", scale=scale, zero_point=zero_point),
    )


@pytest.mark.parametrize("number", range(40))
def test_the_least_value_of_each_step_is_rounded_to_it_and_the_one_before_is_not(
    number: int,
) -> None:
    rng = np.random.default_rng(number)
    scale = float(np.float32(rng.choice([1 / 255, 2 / 255, 10 ** rng.uniform(-6, 6)])))
    for zero_point in (-128, 127):
        operator = quantisation(scale, zero_point)
        least = least_values(operator)
        sign = np.float32(1 if zero_point < 0 else -1)
        for bits, steps in ((least, 0), (least - 1, -1)):
            (outputs,) = operator.compute(sign * bits.view(np.float32)[:, None])
            expected = zero_point + int(sign) * (np.arange(1, MOST_STEPS + 1) + steps)
            assert (outputs[:, 0] == expected.clip(-128, 127)).all()


def simulated(source: np.ndarray, target_: np.ndarray, above: int) -> bool:
    """Whether each element is read before it is overwritten, if the input begins *above*."""
    written: set[int] = set()
    for read, stored in zip(source, target_, strict=True):
        if int(read) + above in written:
            return False
        written.add(int(stored))
    return True


@pytest.mark.parametrize("number", range(60))
def test_an_input_that_lies_so_far_above_is_read_in_time_and_a_nearer_one_is_not(
    number: int,
) -> None:
    rng = np.random.default_rng(number)
    axes = [(int(rng.integers(1, 6)), int(rng.integers(0, 8))) for _ in range(rng.integers(1, 4))]
    source = places(int(rng.integers(0, 5)), axes)
    stored = np.arange(source.size)
    above = distance_above(source, stored)
    assert all(simulated(source, stored, above + more) for more in range(9))
    assert above == 0 or not simulated(source, stored, above - 1)


@pytest.mark.parametrize("kind", MOVERS)
def test_movers_say_how_far_above_the_output_each_input_may_begin(kind: str) -> None:
    board = target.load("cortex-m4")
    for number in range(20):
        operator = random_plain.draw(kind, number)
        [plan] = registry.able(operator, board).values()
        assert len(plan.above) == len(operator.inputs)
        for tensor, above in zip(operator.inputs, plan.above, strict=True):
            assert above % tensor.elem_bytes == 0
            assert above + tensor.bytes <= max(operator.outputs[0].bytes, tensor.bytes) * 2


def test_a_padding_needs_no_more_than_its_output() -> None:
    for number in range(20):
        operator = random_plain.draw("pad", number)
        [plan] = registry.able(operator, target.load("cortex-m4")).values()
        assert plan.above[0] + operator.inputs[0].bytes <= operator.outputs[0].bytes


@pytest.mark.parametrize("number", range(20))
def test_powers_that_are_left_out_give_nothing(number: int) -> None:
    rng = np.random.default_rng(number)
    scale = float(np.float32(10 ** rng.uniform(-3, 0)))
    operator = Softmax(
        name="softmax",
        inputs=(Tensor(name="input", shape=(2,), dtype="int8", scale=scale),),
        output=Tensor(name="output", shape=(2,), dtype="int8", scale=1 / 256, zero_point=-128),
    )
    powers = find_powers(operator)
    below = np.arange(powers.size, 256)
    rows = np.stack([np.full(below.size, 127), 127 - below], axis=1).astype(np.int8)
    (outputs,) = operator.compute(rows)
    assert (outputs == [127, -128]).all()


def test_halves_away_from_zero_are_a_bent_line() -> None:
    def outputs(values: np.ndarray) -> np.ndarray:
        halves = np.sign(values) * ((np.abs(values) + 1) // 2)
        return np.asarray(halves.clip(-128, 127))

    found = find(Rescaled(multiplier=2**30, shift=0), -400, 400, outputs)
    line = found.line
    assert line is not None
    values = np.arange(-400, 401)
    offset = np.where(
        values < line.turn, line.offset if line.lower is None else line.lower, line.offset
    )
    right = ((values * line.multiplier + offset) >> line.shift).clip(-128, 127)
    assert (right == outputs(values)).all()


def test_one_constant_for_all_bytes_is_a_table() -> None:
    board = target.load("cortex-m4")
    found: set[str] = set()
    for number in range(40):
        plans = registry.able(random_plain.draw("arithmetic", number), board)
        found.update(plans)
        assert all(isinstance(plan, Plan) for plan in plans.values())
    assert found == {"arithmetic", "arithmetic_table"}


@pytest.mark.parametrize("board", ["cortex-m0", "cortex-m4", "cortex-m55", "rv32imc", "host"])
def test_whatever_a_plan_counts_has_a_price(board: str) -> None:
    for kind in random_plain.KINDS:
        for number in range(4):
            candidates, _ = survey(
                random_plain.draw(kind, number), target.load(board), overlap=False
            )
            assert candidates
            assert all(candidate.instructions > 0 for candidate in candidates)


def test_the_registry_names_classes_and_lists_that_there_are() -> None:
    modules = [import_module(f"convgen.model.ops.{m.name}") for m in iter_modules(ops.__path__)]
    for kind in registry.OF_KIND:
        assert any(hasattr(module, kind) for module in modules), kind
    assert len({algorithm.name for algorithm in registry.every()}) == len(registry.every())
    assert registry.algorithms(random_plain.draw("arithmetic", 0)) == arithmetic.VARIANTS
