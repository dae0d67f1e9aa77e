"""How many wrong layers does verification find? Generated layers are made wrong on purpose.

    python benchmarks/mutants.py [--mutants N] [--seed N]

Numbers are changed before the text is printed, characters after. What the assembler or compiler
refuses, or compiles to the same bytes as before, does not count. README.md has the figures.
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from measure import candidate_of, in_parallel, load
from numpy.typing import NDArray

from convgen.bench.build import layout, toolchain
from convgen.bench.build.toolchain import Image
from convgen.bench.code import measure
from convgen.bench.program import describe
from convgen.bench.proof import vectors
from convgen.bench.proof.comparison import compare
from convgen.bench.proof.vectors import Vectors
from convgen.bench.run import emulator
from convgen.bench.trial import Bench
from convgen.errors import ToolError, VerificationError
from convgen.model.ops.conv2d import Conv2d
from convgen.plans import registry
from convgen.schedule import select
from convgen.schedule.select import Candidate
from convgen.sources.generate import layer_files
from convgen.targets import target

BOARDS = ("cortex-m4", "cortex-m0", "rv32imc")
STACK_BYTES = 16384
BASE_INPUTS = 3  # those that do not depend on the layer's weights
_DRAWS = 60  # subjects tried for one mutant

Texts = dict[str, str]


def _spec(shape: list[int], out_channels: int, kernel: Any, **more: Any) -> dict[str, Any]:
    return {
        "name": "layer",
        "op": "conv2d",
        "input": {"shape": shape, "dtype": "int8"},
        "out_channels": out_channels,
        "kernel_size": kernel,
        "padding": "same",
        **more,
    }


LAYERS = {
    "connected": _spec([1, 1, 64], 10, 1),
    "connected_once": _spec([1, 1, 24], 12, 1, requantize={"rounding": "single"}),
    "first": _spec([6, 7, 3], 6, 3, activation="relu"),
    "pointwise": _spec([3, 3, 8], 8, 1),
    "middle": _spec([4, 5, 8], 8, 3, activation="relu"),
    "strided": _spec([7, 6, 4], 5, 3, stride=2, padding="valid"),
    "depthwise": _spec([6, 6, 6], 6, 3, groups=6),
    "depthwise_strided": _spec([7, 5, 4], 8, 3, groups=4, stride=2),
    "grouped": _spec([6, 5, 8], 8, 3, groups=2),
    "dilated": _spec([7, 7, 4], 4, [2, 3], dilation=2, padding=[1, 0, 2, 1]),
    "clamped": _spec([5, 5, 4], 8, 3, activation={"min": -100, "max": 90}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is made wrong."""

    board: str
    layer: str
    algorithm: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Base:
    """A subject as it is: its candidate and text, the object code, and what it is run on."""

    candidate: Candidate
    bench: Bench
    texts: Texts
    objects: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of one mutant; ``by_base``: whether the first three inputs alone found it."""

    kind: str
    subject: Subject
    change: str
    killed: bool
    by_base: bool


@cache
def algorithms(board: str, name: str) -> tuple[str, ...]:
    """Return the two algorithms that a layer of `LAYERS` is done with: the chosen, and another."""
    described, layer = target.load(board), load(LAYERS[name])
    candidates, _ = select.survey(layer, described, overlap=False)
    usual, *others = (c.algorithm for c in select.preference(candidates, "workspace") if not c.asks)
    rng = np.random.default_rng([*board.encode(), *name.encode()])
    return usual, str(rng.choice(others or [usual]))


def _candidate(subject: Subject, layer: Conv2d) -> Candidate | None:
    able = registry.able(layer, target.load(subject.board), {subject.algorithm}).values()
    return next((candidate_of(plan, 10**6) for plan in able), None)


@cache
def base(subject: Subject) -> Base:
    """Build *subject* as it is."""
    layer = load(LAYERS[subject.layer])
    if not isinstance(layer, Conv2d):
        raise TypeError(f"{subject.layer} is no convolution")
    candidate = _candidate(subject, layer)
    if candidate is None:
        raise AssertionError("the subject is one of `algorithms`")
    described = target.load(subject.board)
    runner = emulator.choose("unicorn", described)
    bench = Bench(
        target=described,
        machine=runner.machine,
        toolchain=toolchain.find("auto", described),
        emulator=runner,
        vectors=vectors.made_up(layer, seed=0),
    )
    texts = layer_files(candidate.plan, described, None)
    with tempfile.TemporaryDirectory() as folder:
        image = _build(candidate, bench, texts, Path(folder))
        found = base_of(candidate, bench, texts, image)
        if _killed(found, image)[0]:
            raise AssertionError(f"{subject} is wrong as it is")
    return found


def base_of(candidate: Candidate, bench: Bench, texts: Texts, image: Image) -> Base:
    """Return what mutants of a built layer are held against."""
    objects = tuple((image.objects.folder / path).read_bytes() for path in image.objects.layer)
    return Base(candidate=candidate, bench=bench, texts=texts, objects=objects)


def _build(candidate: Candidate, bench: Bench, texts: Texts, folder: Path) -> Image:
    """Compile and link *texts* as the layer."""
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    call = describe(candidate, strict=False)
    objects = toolchain.compile_objects(folder, call, bench.machine, bench.toolchain)
    static = measure.static_bytes(objects)
    placed = layout.arrange(
        call,
        budget=call.buffer_bytes + static + STACK_BYTES,
        static_bytes=static,
        machine_bytes=bench.machine.layer_bytes,
    )
    return toolchain.link(objects, call, placed, bench.machine, bench.toolchain)


def _killed(found: Base, image: Image) -> tuple[bool, bool]:
    """Return whether all inputs, and whether the first three alone, show that it is wrong."""
    given: Vectors = found.bench.vectors
    if found.bench.emulator is None:
        raise AssertionError("mutants are run")
    try:
        run = emulator.run(
            found.bench.emulator, image, given.inputs[0].tobytes(), expected_instructions=10**5
        )
    except VerificationError:
        return True, True
    layer, g = found.candidate.plan.layer, found.candidate.plan.layer.geometry
    outputs = np.frombuffer(run.outputs, np.int8).reshape(-1, g.out_h, g.out_w, g.out_c)

    def differs(count: int) -> bool:
        right = None if given.right is None else (given.right[0][:count],)
        return (
            compare(layer, (given.inputs[0][:count],), (outputs[:count],), None, right).mismatches
            > 0
        )

    return differs(len(outputs)), differs(BASE_INPUTS)


# --- numbers --------------------------------------------------------------------------------------


def _by_one(values: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    """Return *values* with one of them off by one."""
    changed = values.copy()
    place = rng.integers(changed.size)
    low, high = np.iinfo(changed.dtype).min, np.iinfo(changed.dtype).max
    wrong = int(changed.flat[place]) + int(rng.choice([-1, 1]))
    changed.flat[place] = min(max(wrong, low + 1), high)
    return changed


def _quantized(layer: Conv2d, **changes: Any) -> Conv2d:
    if layer.quantization is None:
        raise AssertionError("all layers here are int8")
    return replace(layer, quantization=replace(layer.quantization, **changes))


def _sum(layer: Conv2d, rng: np.random.Generator) -> Conv2d:
    bias = np.zeros(layer.geometry.out_c, np.int32) if layer.bias is None else layer.bias
    return replace(layer, bias=_by_one(bias, rng))


def _weight(layer: Conv2d, rng: np.random.Generator) -> Conv2d:
    return replace(layer, weights=_by_one(layer.weights, rng))


def _in_zero_point(layer: Conv2d, rng: np.random.Generator) -> Conv2d:
    return _quantized(layer, in_zero_point=layer.zero_point + int(rng.choice([-1, 1])))


def _out_zero_point(layer: Conv2d, rng: np.random.Generator) -> Conv2d:
    zero_point = layer.quantization.out_zero_point if layer.quantization else 0
    return _quantized(layer, out_zero_point=zero_point + int(rng.choice([-1, 1])))


def _shift(layer: Conv2d, rng: np.random.Generator) -> Conv2d:
    shift = layer.quantization.shift if layer.quantization else np.zeros(1, np.int32)
    return _quantized(layer, shift=_by_one(shift, rng))


def _multiplier(layer: Conv2d, rng: np.random.Generator) -> Conv2d:
    """Change one multiplier by one part in 256."""
    q = layer.quantization
    changed = q.multiplier.copy() if q else np.zeros(1, np.int32)
    place = rng.integers(changed.size)
    changed[place] -= changed[place] // 256
    return _quantized(layer, multiplier=changed)


def _clamp(layer: Conv2d, rng: np.random.Generator) -> Conv2d:
    if rng.integers(2):
        return replace(layer, activation_min=layer.activation_min + 1)
    return replace(layer, activation_max=layer.activation_max - 1)


def _padding(layer: Conv2d, rng: np.random.Generator) -> Conv2d:
    """Move the padding by one row or column."""
    g = layer.geometry
    if rng.integers(2):
        moved = replace(g, pad_top=g.pad_bottom, pad_bottom=g.pad_top)
        if g.pad_top == g.pad_bottom:
            moved = replace(g, pad_top=g.pad_top + 1, pad_bottom=max(0, g.pad_bottom - 1))
    else:
        moved = replace(g, pad_left=g.pad_left + 1, pad_right=max(0, g.pad_right - 1))
    return replace(layer, geometry=moved)


NUMBERS: dict[str, Callable[[Conv2d, np.random.Generator], Conv2d]] = {
    "sum of a channel, by 1": _sum,
    "weight, by 1": _weight,
    "input zero point, by 1": _in_zero_point,
    "output zero point, by 1": _out_zero_point,
    "clamp bound, by 1": _clamp,
    "shift of a channel, by 1": _shift,
    "multiplier of a channel, by 1/256": _multiplier,
    "padding, by 1": _padding,
}


def _changed_numbers(kind: str, subject: Subject, rng: np.random.Generator) -> Texts | None:
    found = base(subject)
    candidate = _candidate(subject, NUMBERS[kind](found.candidate.plan.layer, rng))
    if candidate is None or candidate.plan.workspace_bytes != found.candidate.plan.workspace_bytes:
        return None  # the harness calls it as it is
    return layer_files(candidate.plan, found.bench.target, None)


# --- text -----------------------------------------------------------------------------------------

_ASSEMBLY = re.compile(r'^ +"    (?!\.)\S.*\\n"')
_CODE = re.compile(r"^ +(?![*/\"]).*[;{,]( */\*.*)?$")
_TABLE = re.compile(r"^    [-0-9][-0-9a-fxXuU, ]*$")
_REGISTERS = re.compile(r"\b(r\d+|[ast]\d+|lr)\b")
_NUMBER = re.compile(r"(?<![\w.])(0x[0-9a-fA-F]+|\d+)(?=[uU]?\b)")


def _literal(line: str, rng: np.random.Generator) -> str | None:
    places = list(_NUMBER.finditer(line))
    if not places:
        return None
    place = places[rng.integers(len(places))]
    text = place.group()
    wrong = int(text, 0) + int(rng.choice([-1, 1]))
    printed = f"0x{wrong:0{len(text) - 2}x}" if text.startswith("0x") else str(wrong)
    return line[: place.start()] + printed + line[place.end() :] if wrong >= 0 else None


def _swapped(pairs: dict[str, str]) -> Callable[[str, np.random.Generator], str | None]:
    pattern = re.compile("|".join(map(re.escape, sorted(pairs, key=len, reverse=True))))

    def swap(line: str, rng: np.random.Generator) -> str | None:
        places = list(pattern.finditer(line))
        if not places:
            return None
        place = places[rng.integers(len(places))]
        return line[: place.start()] + pairs[place.group()] + line[place.end() :]

    return swap


def _register(line: str, rng: np.random.Generator) -> str | None:
    """Put another register of the line in one's place."""
    places = list(_REGISTERS.finditer(line))
    others = [(p, q.group()) for p in places for q in places if p.group() != q.group()]
    if not others:
        return None
    place, other = others[rng.integers(len(others))]
    return line[: place.start()] + other + line[place.end() :]


def _removed(line: str, rng: np.random.Generator) -> str | None:
    return ""


_COMPARISONS = {" < ": " <= ", " <= ": " < ", " > ": " >= ", " >= ": " > ", " == ": " != "}
_SIGNS = {" + ": " - ", " - ": " + ", " += ": " -= ", "++": "--", " << ": " >> ", " >> ": " << "}

TEXT: dict[str, tuple[re.Pattern[str], Callable[[str, np.random.Generator], str | None]]] = {
    "word of a table, by 1": (_TABLE, _literal),
    "number in C, by 1": (_CODE, _literal),
    "comparison in C": (_CODE, _swapped(_COMPARISONS)),
    "sign or direction in C": (_CODE, _swapped(_SIGNS)),
    "number in assembly, by 1": (_ASSEMBLY, _literal),
    "register in assembly": (_ASSEMBLY, _register),
    "instruction removed": (_ASSEMBLY, _removed),
}


def _changed_text(kind: str, subject: Subject, rng: np.random.Generator) -> Texts | None:
    pattern, change = TEXT[kind]
    texts = base(subject).texts
    lines = [
        (file, number, line)
        for file, text in texts.items()
        if file.endswith(".c")
        for number, line in enumerate(text.split("\n"))
        if pattern.match(line)
    ]
    if not lines:
        return None
    file, number, line = lines[rng.integers(len(lines))]
    changed = change(line, rng)
    if changed is None:
        return None
    whole = texts[file].split("\n")
    whole[number] = changed
    return {**texts, file: "\n".join(whole)}


# --- the run --------------------------------------------------------------------------------------


def mutant(job: tuple[str, int]) -> Result | None:
    """Make the mutant of a kind and a seed, and try whether it is found."""
    kind, seed = job
    rng = np.random.default_rng([seed, *kind.encode()])
    for _ in range(_DRAWS):
        board, name = str(rng.choice(BOARDS)), str(rng.choice(list(LAYERS)))
        chosen = str(rng.choice(algorithms(board, name)))
        subject = Subject(board=board, layer=name, algorithm=chosen)
        make = _changed_numbers if kind in NUMBERS else _changed_text
        texts = make(kind, subject, rng)
        result = None if texts is None else _tried(kind, subject, texts)
        if result:
            return result
    return None


def _tried(kind: str, subject: Subject, texts: Texts) -> Result | None:
    """Return whether *texts* are found wrong; None if they do not build, or to the same code."""
    found = base(subject)
    with tempfile.TemporaryDirectory() as folder:
        try:
            image = _build(found.candidate, found.bench, texts, Path(folder))
        except ToolError:
            return None
        if base_of(found.candidate, found.bench, texts, image).objects == found.objects:
            return None
        killed, by_base = _killed(found, image)
    return Result(
        kind=kind,
        subject=subject,
        change=_difference(found.texts, texts),
        killed=killed,
        by_base=by_base,
    )


def _difference(before: Texts, after: Texts) -> str:
    """Return the first line that differs, as it was and as it is."""
    for file, text in before.items():
        for number, (old, new) in enumerate(
            zip(text.split("\n"), after[file].split("\n"), strict=False), 1
        ):
            if old != new:
                return f"{file}:{number}: {old.strip()} -> {new.strip() or 'nothing'}"
    return "a file is longer"


def main() -> None:
    """Print the score of each kind, and each mutant that was not found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutants", type=int, default=16, help="of each kind")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    first = options.seed * options.mutants
    jobs = {
        kind: [(kind, first + number) for number in range(options.mutants)]
        for kind in (*NUMBERS, *TEXT)
    }
    survivors: list[Result] = []
    total = np.zeros(3, int)
    print("| made wrong | mutants | found | by the first three inputs alone |\n|---|--:|--:|--:|")
    for kind, results in in_parallel(mutant, jobs):
        built = [result for result in results if result]
        counts = len(built), sum(r.killed for r in built), sum(r.by_base for r in built)
        total += counts
        print(f"| {kind} | {counts[0]} | {counts[1]} | {counts[2]} |", flush=True)
        survivors += [result for result in built if not result.killed]
    print(f"| all | {total[0]} | {total[1]} | {total[2]} |\n\nNot found:\n")
    for result in survivors:
        where = f"{result.subject.board} {result.subject.layer} {result.subject.algorithm}"
        print(f"- {result.kind}, {where}: {result.change}")
    times = os.times()
    seconds = times.user + times.system + times.children_user + times.children_system
    print(f"\n{seconds:.0f} seconds of CPU")


if __name__ == "__main__":
    main()
