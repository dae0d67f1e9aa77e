"""``python -m convgen``, and the command: signals first, since imports take a while."""

from __future__ import annotations

import os
import signal
import sys


def main() -> int:
    """Run the command; return its exit code."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, lambda number, _: os._exit(128 + number))  # no traceback
    from convgen import interrupt

    interrupt.watch()
    try:
        from convgen import cli

        return cli.main()
    finally:
        interrupt.unwatch()


if __name__ == "__main__":
    sys.exit(main())
