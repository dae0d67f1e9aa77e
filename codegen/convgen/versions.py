"""The version that a program says it has."""

from __future__ import annotations

import re

UNKNOWN = "of unknown version"


def version_in(said: str) -> str:
    """Return the first version number in what a program *said*; some say none.

    >>> version_in("QEMU emulator version 7.2.15 (Debian 1:7.2+dfsg)"), version_in("")
    ('7.2.15', 'of unknown version')
    """
    found = re.search(r"\d{1,9}(\.\d{1,9}){1,3}", said[:10_000])
    return found[0] if found else UNKNOWN
