"""Arithmetic: what the numbers of a dtype are, asked of one object."""

from __future__ import annotations

import re
from typing import get_args

import numpy as np
import pytest

from convgen.ctext.literals import ctype
from convgen.model import arithmetic
from convgen.model.arithmetic import DType, of_dtype
from convgen.model.tensor import Tensor
from convgen.resources import data_dir

ASKS = re.compile(r"dtype (==|!=) \"|dtype (not )?in \(")
ALLOWED = {"base.py"}  # the one refusal of what is not int8, and the C of a kernel's factors


def test_every_dtype_has_one() -> None:
    assert set(arithmetic.ALL) == set(get_args(DType))
    assert all(each.dtype == dtype for dtype, each in arithmetic.ALL.items())


@pytest.mark.parametrize("dtype", get_args(DType))
def test_its_other_dtypes_have_a_c_type_and_are_no_narrower(dtype: DType) -> None:
    found = of_dtype(dtype)
    sizes = [np.dtype(each).itemsize for each in (dtype, found.wider, found.sums)]
    assert sizes == sorted(sizes)
    assert all(map(ctype, (dtype, found.wider, found.sums, found.modular)))


def test_bytes_are_compared_byte_for_byte_and_float32_stays_unrounded() -> None:
    exact = np.array([0.1, 3.0])
    assert of_dtype("int8").outputs(exact).dtype == np.int8
    np.testing.assert_array_equal(of_dtype("float32").outputs(exact), exact)


def test_a_tensor_knows_it() -> None:
    tensor = Tensor(name="input", shape=(1, 1, 1), dtype="uint8")
    assert (tensor.arithmetic.least, tensor.arithmetic.most) == (0, 255)


def test_plans_sources_and_templates_ask_it_and_not_for_the_dtype() -> None:
    package = data_dir("templates").parent / "codegen" / "convgen"
    files = (
        *(package / "plans").rglob("*.py"),
        *(package / "sources").rglob("*.py"),
        *data_dir("templates").rglob("*.j2"),
    )
    asking = {path.name for path in files if ASKS.search(path.read_text(encoding="utf-8"))}
    assert asking <= ALLOWED
