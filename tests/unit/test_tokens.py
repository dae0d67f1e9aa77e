"""Generated C as tokens."""

from __future__ import annotations

import pytest

from convgen.ctext.tokens import Source, Token, closing

TEXT = """\
#include <string.h>

#define SIDE 3 /* of a kernel */
#define LEAST (-128)
#define AREA (SIDE * SIDE)

static int32_t clamp(int32_t value)
{
    return value < LEAST ? LEAST : value;
}

static void apart(int8_t *output)
{
    int8_t patch[AREA];

    output[0] = patch[SIDE - 1];
}

static void whole(const int8_t *input, int8_t *output)
{
    output[1] = (int8_t)clamp(input[1] - 5 * -2);
}
"""


def test_tokens_are_the_text() -> None:
    assert "".join(token.text for token in Source.of(TEXT).tokens) == TEXT


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("a - 5", [("name", "a"), ("other", "-"), ("int", "5")]),
        ("a * -5", [("name", "a"), ("other", "*"), ("int", "-5")]),
        ("f(-5)", [("name", "f"), ("other", "("), ("int", "-5"), ("other", ")")]),
        ("-1.5e-3f", [("float", "-1.5e-3f")]),
        ("0xffu", [("unsigned", "0xffu")]),
        ("0x7fffffff", [("int", "0x7fffffff")]),
        ("0x80000000", [("other", "0x80000000")]),
        ("1ll", [("other", "1ll")]),
        ("#define LEAST (-5)", [("define", "#define LEAST"), ("int", "(-5)")]),
        ('BEGIN(f) "ldr r2, =5\\n"', None),
    ],
)
def test_a_sign_belongs_to_a_number_where_nothing_is_subtracted_from(
    text: str, tokens: list[tuple[str, str]] | None
) -> None:
    found = [tuple(token) for _, token in Source.of(text).code]
    assert found == tokens if tokens else found[-1][0] == "string"


def test_functions_and_macros_that_depend_on_a_number() -> None:
    source = Source.of(TEXT)
    assert [function.name for function in source.functions] == ["clamp", "apart", "whole"]
    least = next(place for place, token in source.code if token.text == "(-128)")
    assert source.defined_by(least) == "LEAST"
    assert source.depending({least}) == {"LEAST", "clamp", "whole"}
    calls = [is_defined for _, is_defined in source.calls({"clamp"})]
    assert calls == [True, False]


def test_sizes_of_arrays_are_rigid_with_all_macros_in_them() -> None:
    source = Source.of(TEXT)
    rigid = {source.tokens[place].text for place in source.rigid}
    assert {"AREA", "SIDE", "3", "0"} <= rigid
    assert not {"(-128)", "5", "-2"} & rigid


def test_what_assembly_takes_the_place_of_is_rigid() -> None:
    inside = "int b = 2;\n#if 0\n#endif\n#else\nint c = 3;\n"
    text = f"int a = 1;\n#ifdef ASSEMBLY\n{inside}#endif\nint d = 4;\n"
    source = Source.of(text)
    numbers = {source.tokens[place].text for place in source.assembly}
    assert {"2", "3"} <= numbers
    assert not {"1", "4"} & numbers


def test_a_bracket_that_is_never_closed_is_an_error() -> None:
    with pytest.raises(ValueError, match="never closed"):
        closing([Token("other", "(")], 0)
