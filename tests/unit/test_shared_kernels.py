"""Operators of a network that share functions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from convgen.ctext.literals import macro
from convgen.plans.constant import Constant
from convgen.sources import shared_kernels
from convgen.sources.shared_kernels import Printed, Shared

TEXT = """\
#define NAME__SIDE {side} /* elements */

static CODE int32_t name__start(int32_t channel)
{{
    return name__bias[channel];
}}

static CODE void name(const int8_t *input, int8_t *output)
{{
    for (int32_t i = 0; i < NAME__SIDE; ++i) {{
        output[i] = (int8_t)(input[i] * {scale} + name__start(i));
    }}
}}
"""


def printed(name: str, *, side: int = 3, scale: int = 5, text: str = TEXT) -> Printed:
    symbol = f"net_{name}"
    filled = text.format(side=side, scale=scale).replace("name", symbol)
    bias = Constant(name="bias", values=np.zeros(3, np.int32), comment="where sums start")
    return Printed(
        symbol=symbol,
        comment=[name],
        text=filled.replace("NAME", macro(symbol)),
        constants=(bias,),
    )


def text_of(shared: Shared) -> str:
    return "".join(each["text"] for each in shared.texts)


def test_operators_that_differ_in_numbers_and_constants_have_one_function() -> None:
    shared = shared_kernels.share([printed("a"), printed("b", side=400, scale=-7)], "net")
    text = text_of(shared)
    assert text.count("static CODE void") == 1
    assert shared.any
    assert {symbol: entry.arguments for symbol, entry in shared.entries.items()} == {
        "net_a": ("&net_a__own",),
        "net_b": ("&net_b__own",),
    }
    assert {entry.function for entry in shared.entries.values()} == {"net__kernel_0"}
    assert "#define NET__KERNEL_0__SIDE own->side /* elements */" in text
    assert "const int32_t *bias;\n    uint16_t side;\n    int8_t number;\n" in text
    assert ".bias = net_b__bias,\n    .side = 400,\n    .number = -7,\n" in text
    assert "net__kernel_0__start(int32_t channel, const struct net__kernel_0 *own)" in text
    assert "net__kernel_0__start(i, own)" in text
    assert shared.texts[0]["comment"][0] == "a, b"


def test_numbers_that_are_equal_stay_as_they_are() -> None:
    text = text_of(shared_kernels.share([printed("a"), printed("b")], "net"))
    assert "#define NET__KERNEL_0__SIDE 3 /* elements */" in text
    assert "* 5 +" in text


def test_what_differs_in_more_than_numbers_shares_nothing() -> None:
    other = TEXT.replace("* {scale} +", "* {scale} -")
    shared = shared_kernels.share([printed("a"), printed("b", text=other)], "net")
    assert not shared.any
    assert shared.entries["net_b"].function == "net_b"
    assert text_of(shared) == printed("a").text + printed("b", text=other).text


def test_arrays_of_other_types_share_nothing() -> None:
    one, two = printed("a"), printed("b")
    wide = replace(two.constants[0], values=np.zeros(3, np.int16))
    assert not shared_kernels.share([one, replace(two, constants=(wide,))], "net").any


def test_sizes_of_arrays_must_be_equal() -> None:
    text = TEXT.replace("    for", "    int8_t kept[NAME__SIDE];\n\n    for")
    same = [printed("a", text=text), printed("b", text=text, scale=6)]
    assert shared_kernels.share(same, "net").any
    assert not shared_kernels.share([same[0], printed("c", text=text, side=4)], "net").any


def test_assembly_takes_no_pointer() -> None:
    text = "#ifdef ASSEMBLY\nvoid name__start(void);\n#else\n" + TEXT.replace(
        "\n\nstatic CODE void name(", "\n#endif\n\nstatic CODE void name("
    )
    assert text.count("#endif") == 1
    assert not shared_kernels.share([printed("a", text=text), printed("b", text=text)], "net").any


def test_operators_apart_are_called_by_their_names() -> None:
    shared = shared_kernels.apart([printed("a"), printed("b")])
    assert [entry.function for entry in shared.entries.values()] == ["net_a", "net_b"]
    assert not shared.any
