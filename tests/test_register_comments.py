"""The comment above each function in assembly says what its registers hold: held against its code.

A comment's row names registers and begins with what they hold. Products multiply an input by a
weight, into a product or a sum; every register that the code names stands in the comment, and the
other way round; what is saved is restored, and saved if it is changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import pytest

import golden_texts
import minimal
from cases import CASES
from convgen.plans import registry
from convgen.sources.generate import layer_files
from convgen.targets import target

BOARDS = ("cortex-m0", "cortex-m3", "cortex-m4", "cortex-m55", "rv32imc", "rv32imcv")
LAYERS = {
    **{
        name: CASES[name]
        for name in (
            "first",
            "deep",
            "pointwise",
            "depthwise",
            "planes",
            "steps",
            "halves",
            "lanes",
        )
    },
    "single": minimal.made_up(input={"shape": [4, 5, 1], "dtype": "int8"}, kernel_size=1),
    "many": minimal.made_up(input={"shape": [5, 6, 18], "dtype": "int8"}, out_channels=13),
    "far": minimal.made_up(input={"shape": [6, 6, 8], "dtype": "int8"}, dilation=2),
    "low": minimal.made_up(
        input={"shape": [1, 6, 4], "dtype": "int8"}, groups=4, out_channels=4, stride=2
    ),
}
FUNCTION = re.compile(
    r"(?:/\*((?:(?!\*/).)*)\*/\s*)?^(?:static )?void (\w+)\([^;{}]*\);\s*"
    r"__extension__ __asm__\(\n(.*?)\);$",
    re.DOTALL | re.MULTILINE,
)
ROW = re.compile(r"^ \*   (\S+(?: \S+)*)  +(\S.*)$", re.MULTILINE)
ROLES = ("inputs", "weights", "products", "sums")
PRODUCTS = re.compile(
    r"(muls?|mla|smlad|smlald|smuad|smla[bt]{2}|vmladava?\.s8|vw(?:mul|macc)\.v[vx])\s+(.*)"
)
REGISTER = re.compile(r"(?<![.\w])(?:[arqv]\d+-[arqv]\d+|r\d+|lr|ra|[aqstv]\d+)\b")
MULTIPLIERS = re.compile(r"_multiplier\[channel\]|vqr?dmulh\.s32 q\d, q\d, (?:q\d|r8)")
SAVED = {
    "arm": {*(f"r{n}" for n in range(4, 12)), *(f"q{n}" for n in range(4, 8))},
    "riscv": {f"s{n}" for n in range(12)} | {"ra"},
}


@dataclass(frozen=True)
class Function:
    """A function in assembly: its comment, and its instructions with macros in their place."""

    name: str
    comment: str
    lines: tuple[str, ...]

    @property
    def rows(self) -> list[tuple[set[str], str]]:
        return [(set(spread(names.split())), words) for names, words in ROW.findall(self.comment)]

    def holding(self, role: str) -> set[str]:
        """The registers of rows that say so before their colon."""
        rows = [
            names
            for names, words in self.rows
            if re.search(rf"\b{role}\b", re.sub(r":[^;]*", "", words))
        ]
        return set().union(*rows)

    @property
    def ends(self) -> tuple[int, int]:
        """Between which lines nothing is saved or restored."""
        starts = [i for i, line in enumerate(self.lines) if line == "1:"]
        ends = [
            i + line.startswith("le ")
            for i, line in enumerate(self.lines)
            if re.match(r"(bnez?|b|beq|le) .*1b", line)
        ]
        left = [i for i, line in enumerate(self.lines) if re.match(r"add sp, #|pop ", line)]
        return starts[0], (ends or left[:1])[-1]

    @property
    def body(self) -> tuple[str, ...]:
        return self.lines[slice(*self.ends)]

    @property
    def outside(self) -> tuple[str, ...]:
        first, last = self.ends
        return self.lines[:first] + self.lines[last:]


def spread(names: Sequence[str]) -> Iterator[str]:
    """Yield the registers of names and ranges.

    >>> list(spread(["r4-r6", "lr"]))
    ['r4', 'r5', 'r6', 'lr']
    """
    for name in names:
        first, _, last = name.strip("{},").partition("-")
        if last:
            yield from (f"{first[0]}{n}" for n in range(int(first[1:]), int(last[1:]) + 1))
        else:
            yield first


def expand(lines: list[str], macros: dict[str, tuple[list[str], list[str]]]) -> Iterator[str]:
    """Put the assembler's macros in their place, and loops once for each value.

    Lines of `finish`, whose products are none of inputs and weights, begin with a tilde.
    """
    at = 0
    while at < len(lines):
        word, _, rest = lines[at].partition(" ")
        if word in (".macro", ".rept", ".irp"):
            end = at + 1
            depth = 1
            while depth:
                opened = lines[end].split(" ")[0] in (".macro", ".rept", ".irp")
                depth += opened - (lines[end] in (".endm", ".endr"))
                end += 1
            inner = lines[at + 1 : end - 1]
            name, _, values = rest.partition(",")
            if word == ".macro":
                parts = rest.replace(",", " ").split()
                macros[parts[0]] = (parts[1:], inner)
            elif word == ".rept":
                yield from expand(inner, macros)
            else:
                for value in values.split(","):
                    changed = [line.replace(f"\\{name}", value.strip()) for line in inner]
                    yield from expand(changed, macros)
            at = end
            continue
        if word in macros:
            names, inner = macros[word]
            text = "\n".join(inner)
            for name, value in zip(names, rest.split(",") if rest else (), strict=True):
                text = re.sub(rf"\\{name}\b", value.strip(), text)
            mark = "~" if word == "finish" else ""
            yield from (f"{mark}{line}" for line in expand(text.splitlines(), macros))
        else:
            yield lines[at]
        at += 1


def functions_of(text: str) -> Iterator[Function]:
    for comment, name, strings in FUNCTION.findall(text):
        quoted = re.findall(r'"(.*?)\\n"', strings)
        lines = [
            part.strip()
            for line in quoted
            for part in line.replace("\\\\", "\\").replace('\\"', '"').partition("@")[0].split(";")
        ]
        yield Function(name, comment, tuple(filter(None, expand(lines, {}))))


@cache
def functions() -> dict[str, Function]:
    """All functions of the golden files and of every algorithm on each board."""
    found = {
        f"{path}: {function.name}": function
        for path, text in golden_texts.texts().items()
        for function in functions_of(text)
    }
    for board in map(target.load, BOARDS):
        made = {case: minimal.load(fields) for case, fields in LAYERS.items()}
        for case, layer in {**made, "apart": minimal.apart(), "long": minimal.long()}.items():
            for algorithm, plan in registry.able(layer, board).items():
                files = layer_files(plan, board, None)
                for function in functions_of(files[f"{layer.name}.c"]):
                    found[f"{board.name} {case} {algorithm}: {function.name}"] = function
    return found


def test_every_kernel_in_assembly_is_looked_at() -> None:
    names = {re.sub(r"^.*_(?=walk|multiply|pixels?|patch|taps|slice|pack|rows)", "", f.name)
             for f in functions().values()}  # fmt: skip
    assert names == {
        "walk", "multiply", "pixels_1", "pixels_2", "pixels_3", "pixels_4", "pixel", "patch",
        "taps", "slice_2", "slice_4", "pack", "rows_1", "rows_2",
    }  # fmt: skip
    per_board = {key.split(" ")[0] for key in functions() if ".c: " not in key}
    assert per_board == set(BOARDS)


def multiplying() -> Iterator[tuple[str, Function]]:
    """Yield all but those that only move pixels."""
    return ((place, f) for place, f in functions().items() if not f.name.endswith("__pack"))


def test_inputs_times_weights_become_products_or_sums() -> None:
    for place, function in multiplying():
        found = 0
        for line in function.body:
            if not (product := PRODUCTS.fullmatch(line)):
                continue
            if product[1] == "mla" and "smlald" in " ".join(function.body):
                continue  # of a sum of two words and its multiplier
            found += 1
            operands = [part.strip() for part in product[2].split(",")]
            if product[1] == "smlald":  # the lower word of its sum comes first
                operands = [operands[0], *operands[2:], operands[1]]
            into, (a, b) = operands[0], operands[-2:] if len(operands) < 4 else operands[1:3]
            inputs, weights = function.holding("inputs"), function.holding("weights")
            assert (a in inputs and b in weights) or (b in inputs and a in weights), (place, line)
            assert into in function.holding("products") | function.holding("sums"), (place, line)
        assert found, place


def test_every_weight_and_every_sum_of_a_comment_is_one() -> None:
    for place, function in multiplying():
        products = [m[2] for line in function.body if (m := PRODUCTS.fullmatch(line))]
        operands = {name for product in products for name in spread(product.split(", "))}
        weights = function.holding("weights")
        assert weights, place
        written = {name for line in function.body for name in mentioned(line)}
        assert weights <= written, place
        assert weights & operands, place
        assert function.holding("sums") <= written, place


def mentioned(line: str) -> set[str]:
    return set(spread(REGISTER.findall(line)))


def test_every_register_is_explained_and_every_explained_one_is_used() -> None:
    for place, function in functions().items():
        explained = {name for names, _ in function.rows for name in names}
        used = {name for line in function.body for name in mentioned(line)}
        assert used <= explained, (place, used - explained)
        assert explained <= used, (place, explained - used)


def test_what_is_changed_is_saved_and_what_is_saved_restored() -> None:
    for place, function in functions().items():
        isa = "riscv" if any(line == "ret" for line in function.lines) else "arm"
        used = {name for line in function.body for name in mentioned(line)} & SAVED[isa]
        saved, restored = (moved(function, way) for way in (("push", "sw"), ("pop", "lw")))
        assert used <= saved, (place, used - saved)
        assert saved - {"lr"} == restored - {"pc"}, place
        assert ("lr" in saved) == ("pc" in restored), place


MODES = (
    (re.compile(r"vp[st]\w* ?|vpst\w*|v\w+t\.\S+ .*"), re.compile(r"vctp\.\d+ .*|vmsr p0, .*")),
    (re.compile(r"v(?:smul|nclip|ssra|aadd)\w*\..*"), re.compile(r"csrwi vxrm, .*")),
)
"""What a predicate or a rounding mode decides, and what sets that."""


def test_no_function_takes_a_predicate_or_a_rounding_mode_for_granted() -> None:
    found: set[int] = set()
    for place, function in functions().items():
        for number, (uses, sets) in enumerate(MODES):
            used = [n for n, line in enumerate(function.lines) if uses.fullmatch(line)]
            if used:
                found.add(number)
                assert any(map(sets.fullmatch, function.lines[: used[0]])), (place, used)
    assert found == {0, 1}


def moved(function: Function, words: tuple[str, str]) -> set[str]:
    """Registers that are pushed, or popped; those that low ones are moved from or to as well."""
    found: set[str] = set()
    for line in function.outside:
        word, _, rest = line.partition(" ")
        if word == f"v{words[0]}":
            found |= {f"q{int(name[1:]) // 2}" for name in spread(rest.strip("{}").split(", "))}
        elif word == words[0]:
            found |= set(spread(rest.replace(",", " ").split()))
        elif word == words[1]:
            found |= {rest.split(",")[0]}
        elif word == "mov" and (m := re.fullmatch(r"(r\d+), (r\d+)", rest)):
            high = m[2] if words[0] == "push" else m[1]
            found |= {high} & {"r8", "r9", "r10", "r11"}
    return {name for name in found if name in SAVED["arm"] | SAVED["riscv"] | {"lr", "pc"}}


def test_debuggers_are_told_of_all_that_is_taken_from_the_stack() -> None:
    for path, text in golden_texts.texts().items():
        for _, name, strings in FUNCTION.findall(text):
            told = [int(size) for size in re.findall(r'"adjust_cfa_offset (\d+)"', strings)]
            taken = [
                int(size) for size in re.findall(r'"\s*(?:sub sp, #|addi sp, sp, -)(\d+)', strings)
            ]
            for kind, names in re.findall(r'"\s*(v?)push \{(.*?)\}', strings):
                taken.append((8 if kind else 4) * len(list(spread(names.split(", ")))))
            assert sorted(told) == sorted(taken), (path, name)


@pytest.mark.parametrize("board", BOARDS)
def test_the_header_says_how_the_code_requantises(board: str) -> None:
    described = target.load(board)
    for fields in LAYERS.values():
        layer = minimal.load(fields)
        for algorithm, plan in registry.able(layer, described).items():
            files = layer_files(plan, described, None)
            header = " ".join(files[f"{layer.name}.h"].partition("*/")[0].replace("*", " ").split())
            text = files[f"{layer.name}.c"].partition("*/")[2]
            assert f"Quantised {plan.output.description};" in header, algorithm
            is_line = plan.output.form in ("line", "upper half")
            assert is_line == ("as one multiplication per channel" in header), algorithm
            assert is_line != bool(re.search("Q(31|15) multiplier", header)), algorithm
            assert is_line != ("(1 << 30)" in text or "half) >> shift" in text), algorithm
            is_bent = "another addend below zero" in header
            assert not is_bent or re.search(r"asr #31|asrs r3, r2, #31|srai t2|>> 31|sum < 0", text)
            if not is_line:
                assert ("multiplier per channel" in header) == bool(MULTIPLIERS.search(text))
