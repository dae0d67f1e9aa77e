"""``python -m convgen``, and the command: signals before all else, since imports take a while.

``_signal`` is what ``signal`` is made of, at a tenth of the time to import. Before this module only
Python itself has been started; a signal that comes amid that is Python's to explain.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import gc
import os
import sys


def _leave(number: int, _frame: object) -> None:
    os._exit(128 + number)


if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
    _signal.signal(_signal.SIGINT, _leave)  # no traceback

# What numpy multiplies is small; a thread for each processor would take memory and time to start.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# None has a word here, and to look for some every installed package is read.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


ROOM = 2**28
"""Address space that a run takes at least; where there is less libraries fail, each in its way."""

SELDOM = (100_000, 20, 20)
"""How rarely to look for what nobody needs: modules and plans stay, and looking takes time."""


def main() -> int:
    """Run the command; return its exit code."""
    if not _has_room():
        return _no_room()
    gc.set_threshold(*SELDOM)
    from convgen.errors import foreseen
    from convgen.system import interrupt, streams

    try:
        interrupt.watch()
    except (OSError, RuntimeError) as error:
        if known := foreseen(error):
            streams.say(str(known))
            return known.exit_code
        raise
    try:
        from convgen import cli

        return cli.main()
    finally:
        interrupt.unwatch()


def _has_room() -> bool:
    import mmap

    try:
        mmap.mmap(-1, ROOM).close()
    except OSError:
        return False
    return True


def _no_room() -> int:
    """Say so with what is imported, as there may be no room for more."""
    if sys.stderr is not None:
        print(
            f"convgen: not enough memory on this computer: expected {ROOM >> 20} MiB",
            file=sys.stderr,
        )
    return 4


if __name__ == "__main__":
    sys.exit(main())
