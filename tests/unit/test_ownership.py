"""To which operator the lines of a network belong."""

from __future__ import annotations

from convgen.bench.code.ownership import owned_lines

TEXT = """\
static int8_t net__one__finish(int32_t sum)
{
    return (int8_t)sum;
}

static const struct net__kernel_0 net__two__own = {
    .side = 3,
};

static void net__kernel_0(int8_t *output, const struct net__kernel_0 *own)
{
    output[0] = own->side;
}

void net(void *arena)
{
    char *const memory = arena;

    net__one(memory, memory + 4);
    net__kernel_0(memory, &net__two__own);
    net__kernel_1(memory);
    net__one(memory, memory + 4);
}
"""


def test_lines_belong_to_operators_by_their_names_and_calls_by_their_order() -> None:
    owned = dict(owned_lines(TEXT, "net", ["net__one", "net__two", "net__three"]))
    lines = TEXT.splitlines()
    assert owned[1] == owned[3] == 0
    assert lines.index("    output[0] = own->side;") + 1 not in owned
    calls = [owned[n] for n, line in enumerate(lines, 1) if line.startswith("    net__")]
    assert calls == [0, 1, 2, 0]
    assert lines.index("    char *const memory = arena;") + 1 not in owned
