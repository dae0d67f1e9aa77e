"""What POSIX has and Windows has not, each with what stands in for it there.

Told by what there is, never by a system's name. Without locks nobody can tell whether the run that
made a folder still goes on: such folders are left alone, and runs into one folder at the same time
must not be. Without process groups a program is ended together with its children by ``taskkill``.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

try:
    import fcntl

    HAS_LOCKS = True
except ImportError:
    HAS_LOCKS = False

# Asked to end by a key, by another program, since the terminal has gone, or its time is up.
ENDING = (
    "SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGBREAK",
    "SIGXCPU", "SIGALRM", "SIGUSR1", "SIGUSR2",
)  # fmt: skip
SIGNALS = tuple(getattr(signal, name) for name in ENDING if hasattr(signal, name))
HAS_GROUPS = hasattr(os, "killpg")
READ_ONLY = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""How to open what may be a pipe, without waiting for its other end."""
GRACE_S = 0.3  # from SIGTERM, on which a program may tidy up, to SIGKILL
END_S = 1.0

Process = subprocess.Popen[bytes]


def lock(path: Path, *, make: bool = False) -> int | None:
    """Return a handle that holds the lock of *path*; None if another has it.

    OSError if there is no such file, or none can be locked here. To close it gives the lock back.
    """
    if not HAS_LOCKS:
        raise OSError("no locks")
    access = os.O_RDONLY if path.is_dir() else os.O_RDWR
    handle = os.open(path, access | (os.O_CREAT if make else 0), 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    except BaseException:
        os.close(handle)
        raise
    return handle


def apart() -> dict[str, Any]:
    """Return the options of a process that can be ended with its children, and gets no Ctrl-C."""
    if HAS_GROUPS:
        return {"start_new_session": True}
    return {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}


def end(processes: Collection[Process]) -> None:
    """End *processes*, started `apart`, and their own children; do not return before.

    Who waited for one of them may take it off the collection meanwhile.
    """
    processes = tuple(processes)
    if not HAS_GROUPS:
        for process in processes:
            _end_tree(process)
        return
    for number, patience in ((signal.SIGTERM, GRACE_S), (signal.SIGKILL, END_S)):
        for process in processes:  # all: one that has gone may have left children behind
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, number)
        until = time.monotonic() + patience
        while not all(map(_has_ended, processes)) and time.monotonic() < until:
            time.sleep(0.005)


def _has_ended(process: Process) -> bool:
    """Ask the system: whoever else waits for *process* may have been stopped amid that."""
    try:
        return os.waitpid(process.pid, os.WNOHANG)[0] != 0
    except ChildProcessError:  # another thread has been told
        return True


def _end_tree(process: Process) -> None:
    with suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(
            ["taskkill", "/F", "/T", "/PID", str(process.pid)],  # noqa: S607 - part of Windows
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=END_S,
            check=False,
        )
    with suppress(OSError):
        process.kill()
    with suppress(subprocess.TimeoutExpired):
        process.wait(END_S)
