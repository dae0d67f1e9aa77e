"""Compile generated layers natively under sanitizers and run them.

Every buffer is a heap block of exactly the size the header promises, so that AddressSanitizer's
red zones are the guard zones, and is aligned as the header promises and no better, so that
UndefinedBehaviorSanitizer sees who relies on more.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from convgen.algorithms import ALGORITHMS
from convgen.generate import layer_files
from convgen.layer import Layer
from convgen.layout import Pool
from convgen.overlap import plan_pool
from convgen.plan import Plan
from convgen.target import Target

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]

MAIN = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
{includes}

/* At an odd multiple of align, which is at most 8: malloc gives multiples of 16. */
static void *block(size_t bytes, size_t align, int value)
{{
    char *memory = malloc(align + bytes);
    memset(memory, 0x77, align);
    return memset(memory + align, value, bytes);
}}

static void release(void *block, size_t align)
{{
    char *memory = block ? (char *)block - align : NULL;
    for (size_t i = 0; memory && i < align; i++) {{
        if (memory[i] != 0x77) exit(8);
    }}
    free(memory);
}}

int main(void)
{{
    FILE *in = fopen("input.bin", "rb");
    FILE *out = fopen("output.bin", "wb");
    void *given = block({input_bytes}, 1, 0);

    while (fread(given, 1, {input_bytes}, in) == {input_bytes}) {{
{calls}
    }}
    release(given, 1);
    return fclose(in) | fclose(out);
}}
"""

CALL = r"""
        {{
            void *input = block({input_bytes}, {align}, 0);
            void *output = block({output_bytes}, {align}, 0x5A);
            void *workspace = {workspace};
            memcpy(input, given, {input_bytes});
            {init}
            {name}(input, output, workspace);
            if (memcmp(input, given, {input_bytes})) return 9;
            fwrite(output, 1, {output_bytes}, out);
            release(input, {align});
            release(output, {align});
            release(workspace, {workspace_align});
        }}"""

POOL_CALL = r"""
        {{
            char *pool = block({pool_bytes}, {align}, 0x5A);
            void *workspace = {workspace};
            memcpy(pool + {input_offset}, given, {input_bytes});
            {init}
            {name}(pool, workspace);
            fwrite(pool + {output_offset}, 1, {output_bytes}, out);
            release(pool, {align});
            release(workspace, {workspace_align});
        }}"""


@dataclass(frozen=True)
class Variant:
    """One generated function."""

    plan: Plan
    pool: Pool | None

    @property
    def label(self) -> str:
        return self.plan.algorithm + (" overlapping" if self.pool else "")


def played_here(target: Target) -> Target:
    """Return *target* with pointers as wide as this computer's."""
    return target.model_copy(update={"cpu": target.cpu.model_copy(update={"isa": "host"})})


def variants(layer: Layer, target: Target) -> list[Variant]:
    """Plan every algorithm that can do *layer*, with tensors apart and overlapping."""
    found = []
    for algorithm in ALGORITHMS:
        if algorithm.reject(layer, target):
            continue
        for suffix in ("", "_pool"):
            named = replace(layer, name=f"{layer.name}_{algorithm.name}{suffix}")
            plan = algorithm.plan(named, target)
            found.append(Variant(plan=plan, pool=plan_pool(named, plan.order) if suffix else None))
    return found


def run(
    folder: Path, chosen: Sequence[Variant], target: Target, inputs: np.ndarray
) -> dict[str, np.ndarray]:
    """Return each variant's outputs ``[N, OH, OW, OC]`` by its label."""
    sources = ["main.c"]
    for variant in chosen:
        for file, text in layer_files(variant.plan, target, variant.pool).items():
            (folder / file).write_text(text)
            if file.endswith(".c"):
                sources.append(file)
    (folder / "main.c").write_text(_main(chosen))
    (folder / "input.bin").write_bytes(inputs.tobytes())
    command = ["gcc", "-std=c99", *WARNINGS, "-O0", *SANITIZE, "-o", "run", *sources]
    _checked(command, folder)
    _checked(["./run"], folder)
    geometry = chosen[0].plan.layer.geometry
    shape = (len(inputs), len(chosen), geometry.out_h, geometry.out_w, geometry.out_c)
    outputs = np.fromfile(folder / "output.bin", inputs.dtype).reshape(shape)
    return {variant.label: outputs[:, index] for index, variant in enumerate(chosen)}


def _checked(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"


def _main(chosen: Sequence[Variant]) -> str:
    layer = chosen[0].plan.layer
    calls = []
    for variant in chosen:
        plan = variant.plan
        workspace = f"block({plan.workspace_bytes}, {plan.workspace_align}, 0xA5)"
        place = "pool" if variant.pool else "input"
        sizes = {
            "name": plan.layer.name,
            "input_bytes": layer.input_bytes,
            "output_bytes": layer.output_bytes,
            "align": np.dtype(layer.dtype).itemsize,
            "workspace": workspace if plan.workspace_bytes else "NULL",
            "workspace_align": plan.workspace_align,
            "init": f"{plan.layer.name}_init({place}, workspace);" if plan.has_init else "",
        }
        if variant.pool:
            pool = variant.pool
            calls.append(
                POOL_CALL.format(
                    pool_bytes=pool.bytes,
                    input_offset=pool.input_offset,
                    output_offset=pool.output_offset,
                    **sizes,
                )
            )
        else:
            calls.append(CALL.format(**sizes))
    includes = "\n".join(f'#include "{variant.plan.layer.name}.h"' for variant in chosen)
    return MAIN.format(includes=includes, input_bytes=layer.input_bytes, calls="".join(calls))
