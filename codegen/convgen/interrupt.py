"""The end by a signal: every child process ended, every folder of ours removed, at once.

A thread of its own does that: Python runs the handler of a signal only between two instructions
of the main thread, which may be inside a library for long. The handler itself just holds the main
thread, so that nothing is said or done any more. No exception is raised anywhere, so there is no
moment at which one would come amiss.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

# Asked to end by a key, by another program, or since the terminal has gone.
SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")
    if hasattr(signal, name)
)
GRACE_S = 0.3  # from SIGTERM, on which a program may tidy up, to SIGKILL
REMOVAL_S = 1.0
SHOW_CURSOR = b"\r\x1b[2K\x1b[?25h"  # the line of progress hides it

processes: set[int] = set()
"""The leaders of the process groups that run; add to it inside of `whole`."""
folders: set[str] = set()
"""What is removed if the command ends early; add to it inside of `whole`."""

_lock = threading.RLock()
_here = threading.local()
_asked = threading.Event()
_forever = threading.Event()


def watch() -> None:
    """From now on signals end this process; those that it was told to ignore do not."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=_end_on_signal, args=(reader,), daemon=True).start()
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _hold)


def unwatch() -> None:
    """All is done: from now on a signal ends this process by itself."""
    with whole():
        for number in SIGNALS:
            if signal.getsignal(number) is _hold:
                signal.signal(number, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)


@contextmanager
def whole() -> Iterator[None]:
    """What is done in here is done to its end, even if a signal comes. It must not take long."""
    _here.depth = getattr(_here, "depth", 0) + 1
    try:
        with _lock:
            yield
    finally:
        _here.depth -= 1
        if _asked.is_set() and not _here.depth:
            _forever.wait()


def _hold(_number: int, _frame: object) -> None:
    _asked.set()
    if not getattr(_here, "depth", 0):
        _forever.wait()


def _end_on_signal(reader: int) -> NoReturn:
    number = os.read(reader, 1)[0]
    _asked.set()
    _lock.acquire()  # for good: nothing is started or published from now on
    end(processes)
    until = time.monotonic() + REMOVAL_S
    while any(map(os.path.lexists, folders)) and time.monotonic() < until:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
    _say("interrupted" if number == signal.SIGINT else f"ended by {signal.Signals(number).name}")
    os._exit(128 + number)


def _say(text: str) -> None:
    """Write to standard error, unless nobody takes it."""
    with suppress(OSError, ValueError):
        if select.select([], [2], [], 0)[1]:
            os.write(2, (SHOW_CURSOR if os.isatty(2) else b"") + f"convgen: {text}\n".encode())


def end(leaders: Collection[int]) -> None:
    """End the process groups of *leaders*, their own children too; do not return before."""
    left = list(leaders)
    for number, patience in ((signal.SIGTERM, GRACE_S), (signal.SIGKILL, REMOVAL_S)):
        for leader in leaders:  # all: one that has gone may have left children behind
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(leader, number)
        until = time.monotonic() + patience
        while left := [leader for leader in left if not _has_ended(leader)]:
            if time.monotonic() > until:
                break
            time.sleep(0.005)


def _has_ended(process: int) -> bool:
    try:
        return os.waitpid(process, os.WNOHANG)[0] != 0
    except ChildProcessError:  # another thread has been told
        return True
