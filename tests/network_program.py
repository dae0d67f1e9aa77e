"""Networks in one program of this computer, under sanitizers: bytes in, bytes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import native
from convgen.schedule.network import Schedule
from convgen.sources.network import network_files
from convgen.targets.target import Target


def run(
    folder: Path,
    schedules: Sequence[Schedule],
    board: Target,
    run_of: Callable[[Schedule], str],
    given: bytes,
) -> bytes:
    """Compile all in *folder* and run one after the other on what is *given*; return the outputs.

    *run_of* says in C how one is run: ``get`` reads bytes, standard output takes them.
    """
    for schedule in schedules:
        for name, text in network_files(schedule, board).items():
            (folder / name).write_text(text)
    (folder / "main.c").write_text(_main_of(schedules, run_of))
    return native.sanitized(folder, sorted(path.name for path in folder.glob("*.c")), given)


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
