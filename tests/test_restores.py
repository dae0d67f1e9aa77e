"""Every kernel in assembly gives back every register, or the run says which one it lost.

Each function of the generated text gets a word that says which register it spoils before it
returns: one build, and a run for each number in that word. Where no emulator looks on, one number
stands for all that no caller saves for itself; what is pushed is read in test_register_comments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import minimal
from cases import CASES, OPERATORS
from convgen.bench import program, trial
from convgen.bench.build import toolchain
from convgen.bench.proof import vectors
from convgen.bench.proof.vectors import Vectors
from convgen.bench.run import emulator
from convgen.bench.trial import Bench, Trial
from convgen.errors import VerificationError
from convgen.schedule import select
from convgen.sources import generate
from convgen.targets import target
from convgen.targets.target import Target

pytestmark = pytest.mark.emulator

MARK = 0x7E57AB1E
FUNCTION = re.compile(r"__extension__ __asm__\(\n(.*?)\);", re.DOTALL)
THUMB_RETURN = re.compile(r'"\s*pop \{(r\d+(?:-r\d+)?), pc\}\\n"')
RISCV_RETURN = re.compile(r'"\s*ret\\n"')
THUMB = {number: f"r{number}" for number in range(4, 12)}
RISCV = {1 + n: f"s{n}" for n in range(12)} | {13: "gp", 14: "tp"}
AT_ONCE = 32
FOR_ALL = {
    "cortex-m55": (
        (
            *(f"vmov s{number}, r2" for number in range(16, 32, 2)),
            "vmrs r2, fpscr",
            "orr r2, #0x01C00000",
            "vmsr fpscr, r2",
            "cpsid f",
        ),
        "FAULTMASK, s16, s18, s20, s22, s24, s26, s28, s30 and FPSCR",
    ),
    "rv32imcv": (("mv gp, t0", "mv tp, t0"), "gp and tp"),
}
"""What spoils all at once, and how it is named."""
# The last of each: how many functions in assembly the layer has.
LAYERS = [
    *(
        (name, case, algorithm, functions)
        for name in ("cortex-m0", "cortex-m3")
        for case, algorithm, functions in (
            ("first", "direct_w16", 2), ("deep", "direct_w16", 2), ("first", "winograd_2x2_t1", 1),
        )
    ),
    ("cortex-m4", "first", "direct", 2),
    ("cortex-m4", "first", "direct_p1_w16", 2),
    ("cortex-m4", "halves", "direct", 2),
    ("cortex-m4", "lanes", "direct_w16", 2),
    ("cortex-m4", "first", "im2col_p2_wide", 1),
    ("cortex-m4", "first", "winograd_2x2_t1", 1),
    ("cortex-m4", "planes", "direct_planes", 1),
    ("cortex-m4", "planes", "direct_planes_wide", 1),
    ("cortex-m4", "steps", "direct_lanes", 1),
    ("cortex-m4", "upwards", "transposed", 7),
    ("cortex-m33", "deep", "direct", 2),
    ("rv32imc", "first", "direct_w16", 2),
    ("rv32imc", "deep", "direct_p1_w16", 2),
    ("rv32imc", "first", "winograd_2x2_t1", 1),
    ("cortex-m55", "deep", "direct", 2),
    ("cortex-m55", "depthwise", "direct_quads", 2),
    ("rv32imcv", "first", "direct", 2),
]  # fmt: skip


def quoted(*lines: str) -> str:
    return "\n".join(f'    "{line}\\n"' for line in lines)


def in_thumb(found: re.Match[str], at_once: Sequence[str]) -> str:
    each = {n: (f"mov {register}, r2",) for n, register in THUMB.items()} | {AT_ONCE: at_once}
    spoils = [
        line
        for number, lines in each.items()
        for line in (f"cmp r2, #{number}", "bne 92f", *lines, "92:")
    ]
    word = (".balign 4", f"91: .word {MARK}")
    return quoted(f"pop {{{found[1]}}}", "pop {r3}", "ldr r2, 91f", *spoils, "bx r3", *word)


def in_riscv(_: re.Match[str], at_once: Sequence[str]) -> str:
    each = {n: (f"mv {register}, t0",) for n, register in RISCV.items()} | {AT_ONCE: at_once}
    spoils = [
        line
        for number, lines in each.items()
        for line in (f"li t1, {number}", "bne t0, t1, 92f", *lines, "92:")
    ]
    return quoted(
        "lla t0, 91f", "lw t0, 0(t0)", *spoils, "ret", ".balign 4", f"91: .word {MARK}"
    )  # fmt: skip


def spoilt(text: str, chosen: Target) -> str:
    """Let each function in assembly spoil what its word says."""
    pattern, edit = (THUMB_RETURN, in_thumb) if chosen.cpu.is_thumb else (RISCV_RETURN, in_riscv)
    at_once, _ = FOR_ALL.get(chosen.name, ((), ""))
    return FUNCTION.sub(
        lambda function: pattern.sub(lambda found: edit(found, at_once), function[0]), text
    )


def attempt(name: str, case: str, algorithm: str, folder: Path) -> tuple[Bench, Trial]:
    """Build and run a layer whose functions can spoil registers."""
    chosen = target.load(name)
    layer = minimal.operator((CASES | OPERATORS)[case])
    here = emulator.choose("qemu-system" if name in FOR_ALL else "unicorn", chosen)
    bench = Bench(
        target=chosen,
        machine=here.machine,
        toolchain=toolchain.find("auto", chosen),
        emulator=here,
        vectors=Vectors(inputs=vectors.inputs_of(layer, seed=0, count=1)),
    )
    candidates = select.survey(layer, chosen, overlap=False)[0]
    candidate = next(c for c in candidates if c.algorithm == algorithm)
    return bench, trial.attempt(candidate, bench, folder / "out", 2**16, roomy=True)


def words(content: bytes) -> Iterator[int]:
    """Find the word of each function."""
    mark = MARK.to_bytes(4, "little")
    at = content.find(mark)
    while at >= 0:
        yield at
        at = content.find(mark, at + 1)


@pytest.mark.parametrize(("name", "case", "algorithm", "functions"), LAYERS)
def test_no_kernel_may_lose_a_register(
    name: str,
    case: str,
    algorithm: str,
    functions: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def edited(plan: Any, chosen: Target, *more: Any) -> dict[str, str]:
        files = generate.layer_files(plan, chosen, *more)
        return {n: spoilt(t, chosen) if n.endswith(".c") else t for n, t in files.items()}

    monkeypatch.setattr(program, "layer_files", edited)
    bench, built = attempt(name, case, algorithm, tmp_path)
    assert built.verified, built.failure
    assert bench.emulator
    registers = THUMB if bench.target.cpu.is_thumb else RISCV
    if name in FOR_ALL:
        registers = {AT_ONCE: FOR_ALL[name][1]}
    content = built.image.elf.read_bytes()
    places = list(words(content))
    assert len(places) == functions
    for at in places:
        for number, register in registers.items():
            patched = content[:at] + number.to_bytes(4, "little") + content[at + 4 :]
            built.image.elf.write_bytes(patched)
            with pytest.raises(VerificationError, match=rf" did not restore {register}( in \w+)?$"):
                emulator.run(
                    bench.emulator,
                    built.image,
                    bench.vectors.inputs[0].tobytes(),
                    expected_instructions=built.candidate.instructions,
                )
