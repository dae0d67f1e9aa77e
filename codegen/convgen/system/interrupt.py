"""The end by a signal: every child process ended, every folder of ours removed, at once.

A thread of its own does that: Python runs the handler of a signal only between two instructions
of the main thread, which may be inside a library for long. The handler itself just holds the main
thread, so that nothing is said or done any more. No exception is raised anywhere, so there is no
moment at which one would come amiss.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

from convgen.system import portability, watchdog

REMOVAL_S = 1.0
SAID_S = 0.5  # far above what writing a line takes, if anybody reads
SHOW_CURSOR = b"\r\x1b[2K\x1b[?25h"  # the line of progress hides it

_processes: set[portability.Process] = set()
folders: set[str] = set()
"""What is removed if the command ends early; add to it inside of `whole`."""

_lock = threading.RLock()
_here = threading.local()
_asked = threading.Event()
_forever = threading.Event()


def watch() -> None:
    """From now on signals end this process; those that it was told to ignore do not."""
    reader, writer = socket.socketpair()  # no pipe: on Windows one may block
    writer.setblocking(False)
    signal.set_wakeup_fd(writer.detach(), warn_on_full_buffer=False)
    threading.Thread(target=_end_on_signal, args=(reader,), daemon=True).start()
    for number in portability.SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _hold)


def unwatch() -> None:
    """All is done: from now on a signal ends this process by itself."""
    with whole():
        for number in portability.SIGNALS:
            if signal.getsignal(number) is _hold:
                signal.signal(number, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)


def started(process: portability.Process) -> None:
    """From now on *process*, started `portability.apart` inside of `whole`, ends with this one."""
    _processes.add(process)
    watchdog.tell("started", process)


def ended(process: portability.Process) -> None:
    """It has ended by itself, or has been."""
    _processes.discard(process)
    watchdog.tell("ended", process)


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


def _end_on_signal(reader: socket.socket) -> NoReturn:
    number = reader.recv(1)[0]
    _asked.set()
    _lock.acquire()  # for good: nothing is started or published from now on
    portability.end(_processes)
    until = time.monotonic() + REMOVAL_S
    while any(map(os.path.lexists, tuple(folders))) and time.monotonic() < until:
        for folder in tuple(folders):
            shutil.rmtree(folder, ignore_errors=True)
    _say("interrupted" if number == signal.SIGINT else f"ended by {signal.Signals(number).name}")
    os._exit(128 + number)


def _say(text: str) -> None:
    """Write to standard error, unless nobody takes it: then that is not waited for."""

    def write() -> None:
        with suppress(OSError, ValueError):
            os.write(2, (SHOW_CURSOR if os.isatty(2) else b"") + f"convgen: {text}\n".encode())

    with suppress(RuntimeError):  # no room for one more thread
        saying = threading.Thread(target=write, daemon=True)
        saying.start()
        saying.join(SAID_S)
