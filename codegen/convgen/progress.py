"""Says what is going on: rich draws it on a terminal; elsewhere, as in CI, a line now and then."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Say = Callable[[str], None]

EVERY_S = 10.0  # between two lines where there is no terminal


@contextmanager
def progress() -> Iterator[Say]:
    """Yield a function that replaces what is told on standard error."""
    if not sys.stderr.isatty():
        with _now_and_then() as say:
            yield say
        return
    from rich.console import Console

    with Console(stderr=True).status("reading the spec") as status:
        yield status.update


@contextmanager
def _now_and_then() -> Iterator[Say]:
    """Yield what hears what is going on; a thread tells the latest of it."""
    heard: list[str] = []
    ended = threading.Event()
    teller = threading.Thread(target=_tell, args=(heard, ended), daemon=True)
    with suppress(RuntimeError):  # no thread can be started: nobody is told
        teller.start()
    try:
        yield heard.append
    finally:
        ended.set()
        if teller.ident is not None:
            teller.join()


def _tell(heard: list[str], ended: threading.Event) -> None:
    stream, begin = sys.stderr, time.monotonic()
    while not ended.wait(EVERY_S):
        if heard:
            seconds = time.monotonic() - begin
            with suppress(OSError, ValueError):  # nobody reads it
                print(f"convgen: {heard[-1]} ({seconds:.0f} s)", file=stream, flush=True)
