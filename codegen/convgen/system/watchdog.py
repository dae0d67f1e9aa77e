"""Programs end with convgen also where it is killed: a shell beside it waits for that.

A process that is killed cannot end what it started. The shell reads which groups of processes run;
once there is nobody left to tell it of more, it ends those that have not ended.
"""

from __future__ import annotations

import functools
import subprocess
from contextlib import suppress
from typing import BinaryIO, Literal, cast

from convgen.system import portability

Change = Literal["started", "ended"]

SCRIPT = """
running=
while read -r change group; do
    others=
    for each in $running; do
        [ "$each" = "$group" ] || others="$others $each"
    done
    running=$others
    [ "$change" = ended ] || running="$running $group"
done
for each in $running; do
    kill -s KILL -- "-$each"
done
"""


def tell(change: Change, process: portability.Process) -> None:
    """Say that *process*, which leads a group of its own, has started or ended."""
    if not portability.HAS_GROUPS:
        return
    with suppress(OSError):  # no shell, or somebody has ended it
        cast(BinaryIO, _shell().stdin).write(f"{change} {process.pid}\n".encode())


@functools.cache
def _shell() -> portability.Process:
    """Return a shell that no signal to convgen's group reaches, and that holds no folder."""
    return subprocess.Popen(
        ["/bin/sh", "-c", SCRIPT],
        bufsize=0,
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **portability.apart(),
    )
