"""Compile generated layers natively under sanitizers and run them.

Every buffer is a heap block of exactly the size the header promises, so that AddressSanitizer's
red zones are the guard zones, and is aligned as the header promises and no better, so that
UndefinedBehaviorSanitizer sees who relies on more.
"""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

import bands
from convgen.bench.proof.vectors import Vectors
from convgen.model.operator import Operator, Windowed, input_bytes, widest
from convgen.model.ops.conv2d import Conv2d
from convgen.plans import registry
from convgen.plans.plan import Plan
from convgen.plans.study import Study
from convgen.schedule.overlap import Pool, share
from convgen.sources.generate import layer_files
from convgen.targets.target import Cpu, Target

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize=null"]  # AddressSanitizer sees those
TIMEOUT_S = 900
TRAP, EXPLAIN = "-fsanitize-undefined-trap-on-error", "-fno-sanitize-recover=all"

MAIN = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
{includes}

/* At an odd multiple of align, which is at most 8: malloc gives multiples of 16. */
__attribute__((unused))
static void *block(size_t bytes, size_t align, int value)
{{
    char *memory = malloc(align + bytes);
    memset(memory, 0x77, align);
    return memset(memory + align, value, bytes);
}}

__attribute__((unused))
static void release(void *block, size_t align)
{{
    char *memory = block ? (char *)block - align : NULL;
    for (size_t i = 0; memory && i < align; i++) {{
        if (memory[i] != 0x77) exit(8);
    }}
    free(memory);
}}

/* A block with a copy of the next bytes of *given, which goes on behind them. */
__attribute__((unused))
static void *copied(const char **given, size_t bytes, size_t align)
{{
    void *memory = memcpy(block(bytes, align, 0), *given, bytes);
    *given += bytes;
    return memory;
}}

/* Nothing may have changed such a block. */
__attribute__((unused))
static void release_unchanged(void *input, const char **given, size_t bytes, size_t align)
{{
    if (memcmp(input, *given, bytes)) exit(9);
    *given += bytes;
    release(input, align);
}}

int main(void)
{{
{runs}
    return 0;
}}
"""

RUN = r"""
    {{
        FILE *in = fopen("{inputs}", "rb");
        FILE *out = fopen("{outputs}", "wb");
        void *given = block({input_bytes}, 1, 0);

        while (fread(given, 1, {input_bytes}, in) == {input_bytes}) {{
{calls}
        }}
        release(given, 1);
        if (fclose(in) | fclose(out)) return 7;
    }}"""

CALL = r"""
        {{
            const char *from = given, *kept = given;
            {copies}
            void *output = block({output_bytes}, {align}, 0x5A);
            void *workspace = {workspace};
            {init}
            {name}({inputs}, output, workspace);
            fwrite(output, 1, {output_bytes}, out);
            {releases}
            release(output, {align});
            release(workspace, {workspace_align});
        }}"""

POOL_CALL = r"""
        {{
            char *pool = block({pool_bytes}, {align}, 0x5A);
            void *workspace = {workspace};
            {copies}
            {init}
            {name}(pool, workspace);
            fwrite(pool + {output_offset}, 1, {output_bytes}, out);
            release(pool, {align});
            release(workspace, {workspace_align});
        }}"""


@dataclass(frozen=True)
class Variant:
    """One generated function, or the calls of one by ``bands`` of output rows."""

    plan: Plan
    pool: Pool | None
    bands: tuple[range, ...] = ()

    @property
    def label(self) -> str:
        how = " overlapping" if self.pool else " by rows" if self.bands else ""
        return self.plan.algorithm + how

    def files(self, target: Target, *, in_heap: bool = False) -> dict[str, str]:
        """Return its files; with bands each call has its rows alone, and in a block of the heap."""
        if self.bands:
            return bands.files(self.plan, target, self.bands, in_heap=in_heap)
        return layer_files(self.plan, target, self.pool)


class PlayedHere(Cpu):
    """A core whose code runs on this computer: what is in assembly falls back to C."""

    @property
    def pointer_bytes(self) -> int:
        return struct.calcsize("P")


def played_here(target: Target) -> Target:
    """Return *target* with pointers as wide as this computer's."""
    cpu = PlayedHere.model_validate(target.cpu.model_dump())
    return target.model_copy(update={"cpu": cpu})


@dataclass(frozen=True)
class Job:
    """Variants of one operator, and the inputs ``[N, H, W, C]`` for each of them.

    ``more_inputs``: of operators with several.
    """

    chosen: Sequence[Variant]
    target: Target
    inputs: np.ndarray
    more_inputs: tuple[np.ndarray, ...] = ()

    @property
    def operator(self) -> Operator:
        return self.chosen[0].plan.operator

    @property
    def layer(self) -> Conv2d:
        return self.chosen[0].plan.layer

    @property
    def count(self) -> int:
        """How many vectors there are."""
        return len(self.inputs)

    @property
    def described(self) -> str:
        """The shapes, for messages."""
        operator = self.operator
        if isinstance(operator, Windowed):
            return f"{operator.geometry}"
        return f"{[tensor.shape for tensor in operator.inputs]}"

    def tobytes(self) -> bytes:
        """All inputs of the first vector, then those of the second, and so on."""
        return Vectors(inputs=(self.inputs, *self.more_inputs)).tobytes()


@lru_cache(maxsize=1000)
def studied(layer: Conv2d) -> Study:
    """Return what is found out about *layer*, once for all boards that it is tried on."""
    return Study(layer)


def variants(
    operator: Any,
    target: Target,
    names: Collection[str] | None = None,
    *,
    overlapping: bool | None = None,
) -> list[Variant]:
    """Plan every algorithm (of *names*) that can do *operator*.

    With tensors apart and *overlapping*, unless that is said.
    """
    suffixes = {None: ("", "_pool"), False: ("",), True: ("_pool",)}[overlapping]
    found = []
    study = studied(operator) if isinstance(operator, Conv2d) else None
    for algorithm, planned in registry.able(operator, target, names, study).items():
        for suffix in suffixes:
            plan, pool = share(planned) if suffix else (planned, None)
            named = replace(operator, name=f"{operator.name}_{algorithm}{suffix}")
            found.append(Variant(plan=replace(plan, operator=named), pool=pool))
    return found


def run(folder: Path, jobs: Sequence[Job]) -> list[dict[str, np.ndarray]]:
    """Return the outputs ``[N, OH, OW, OC]`` of each job by the variant's label.

    One unit has them all, to compile and link once: the layers' names must differ.
    """
    sources = []
    for index, job in enumerate(jobs):
        for variant in job.chosen:
            for file, text in variant.files(job.target, in_heap=True).items():
                (folder / file).write_text(text)
                if file.endswith(".c"):
                    sources.append(file)
        (folder / _inputs(index)).write_bytes(job.tobytes())
    included = "".join(f'#include "{source}"\n' for source in sources)
    (folder / "main.c").write_text(included + _main(jobs))
    sanitized(folder, ["main.c"])
    return [_read(folder / _outputs(index), job) for index, job in enumerate(jobs)]


def sanitized(folder: Path, sources: Sequence[str], given: bytes = b"") -> bytes:
    """Compile *sources* under sanitizers, run what comes of it on *given*; return what it prints.

    AssertionError with a compiler's or a sanitizer's words where one has any.
    """
    command = ["gcc", "-std=c99", *WARNINGS, "-O0", *SANITIZE, "-o", "run", *sources]
    checked([*command, TRAP], folder)  # messages would take gcc twice as long
    done = subprocess.run(
        ["./run"], cwd=folder, input=given, capture_output=True, timeout=TIMEOUT_S
    )
    if done.returncode:
        checked([*command, EXPLAIN], folder)
        checked(["./run"], folder, given)
        raise AssertionError("what traps does so no longer where it may say why")
    return done.stdout


def _inputs(index: int) -> str:
    return f"input{index}.bin"


def _outputs(index: int) -> str:
    return f"output{index}.bin"


def _read(path: Path, job: Job) -> dict[str, np.ndarray]:
    (tensor,) = job.operator.outputs
    shape = (job.count, len(job.chosen), *tensor.shape)
    outputs = np.fromfile(path, tensor.dtype).reshape(shape)
    return {variant.label: outputs[:, index] for index, variant in enumerate(job.chosen)}


def checked(command: Sequence[str], folder: Path, given: bytes = b"") -> None:
    """Run *command* in *folder*; AssertionError with what it says if it fails."""
    done = subprocess.run(command, cwd=folder, input=given, capture_output=True, timeout=TIMEOUT_S)
    said = (done.stdout + done.stderr).decode(errors="replace")
    assert done.returncode == 0, f"{' '.join(command)}\n{said}"


def _main(jobs: Sequence[Job]) -> str:
    names = [variant.plan.operator.name for job in jobs for variant in job.chosen]
    runs = [
        RUN.format(
            inputs=_inputs(index),
            outputs=_outputs(index),
            input_bytes=input_bytes(job.operator),
            calls="".join(map(_call, job.chosen)),
        )
        for index, job in enumerate(jobs)
    ]
    return MAIN.format(
        includes="\n".join(f'#include "{name}.h"' for name in names), runs="".join(runs)
    )


def _call(variant: Variant) -> str:
    plan, operator, pool = variant.plan, variant.plan.operator, variant.pool
    (output,) = operator.outputs
    workspace = f"block({plan.workspace_bytes}, {plan.workspace_align}, 0xA5)"
    place = "pool" if pool else operator.inputs[0].name
    tensors = [(t.name, t.bytes, t.elem_bytes) for t in operator.inputs]
    sizes: dict[str, Any] = {
        "name": operator.name,
        "output_bytes": output.bytes,
        "align": output.elem_bytes,
        "workspace": workspace if plan.workspace_bytes else "NULL",
        "workspace_align": plan.workspace_align,
        "init": f"{operator.name}_init({place}, workspace);" if plan.has_init else "",
    }
    if pool is None:
        copies = (f"void *{name} = copied(&from, {size}, {unit});" for name, size, unit in tensors)
        releases = (f"release_unchanged({n}, &kept, {size}, {unit});" for n, size, unit in tensors)
        return CALL.format(
            copies=" ".join(copies),
            inputs=", ".join(name for name, *_ in tensors),
            releases=" ".join(releases),
            **sizes,
        )
    starts = accumulate((size for _, size, _ in tensors), initial=0)
    copies = (
        f"memcpy(pool + {offset}, (const char *)given + {start}, {size});"
        for offset, start, (_, size, _) in zip(pool.input_offsets, starts, tensors, strict=False)
    )
    return POOL_CALL.format(
        pool_bytes=pool.bytes,
        copies=" ".join(copies),
        output_offset=pool.output_offset,
        **(sizes | {"align": widest(operator).elem_bytes}),
    )
