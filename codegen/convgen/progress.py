"""Says what is going on, on a terminal only; rich draws it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Say = Callable[[str], None]


@contextmanager
def progress() -> Iterator[Say]:
    """Yield a function that replaces the one line of progress on standard error."""
    if not sys.stderr.isatty():
        yield lambda _text: None
        return
    from rich.console import Console

    with Console(stderr=True).status("reading the spec") as status:
        yield status.update
