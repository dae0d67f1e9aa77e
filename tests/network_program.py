"""Networks in one program of this computer, under sanitizers: bytes in, bytes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import native
from convgen.schedule.network import Schedule
from convgen.sources.network import network_files
from convgen.targets.target import Target

ROW_TOO_MANY = """
        char *before = malloc({0}_ARENA_BYTES), *ignored = malloc({0}_ROW_BYTES);
        memcpy(before, arena, {0}_ARENA_BYTES);
        memset(ignored, 0x33, {0}_ROW_BYTES);
        if ({1}_push_row(arena, (void *)ignored) != 1) exit(6);
        if (memcmp(before, arena, {0}_ARENA_BYTES)) exit(6);
        free(before);
        free(ignored);"""
"""What follows once all is there, by the prefixes of macros and functions: nothing may happen."""


def run(
    folder: Path,
    schedules: Sequence[Schedule],
    board: Target,
    run_of: Callable[[Schedule], str],
    given: bytes,
    *,
    in_one_unit: bool = False,
) -> bytes:
    """Compile all in *folder* and run one after the other on what is *given*; return the outputs.

    *run_of* says in C how one is run: ``get`` reads bytes, standard output takes them. What else is
    in *folder* is linked too; *in_one_unit*: all of it is one translation unit.
    """
    for schedule in schedules:
        for name, text in network_files(schedule, board).items():
            (folder / name).write_text(text)
    sources = sorted(path.name for path in folder.glob("*.c"))
    included = "".join(f'#include "{name}"\n' for name in sources) if in_one_unit else ""
    (folder / "main.c").write_text(included + _main_of(schedules, run_of))
    return native.sanitized(folder, ["main.c", *(sources if not in_one_unit else ())], given)


def _main_of(schedules: Sequence[Schedule], run_of: Callable[[Schedule], str]) -> str:
    includes = "\n".join(f'#include "{schedule.graph.name}.h"' for schedule in schedules)
    runs = "\n".join(map(run_of, schedules))
    return f"""#include <stdio.h>
#include <stdlib.h>
#include <string.h>
{includes}

static void get(char *to, size_t bytes)
{{
    if (fread(to, 1, bytes, stdin) != bytes) exit(9);
}}

int main(void)
{{
{runs}
    return 0;
}}
"""
