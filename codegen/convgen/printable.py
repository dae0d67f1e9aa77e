"""What others wrote, as it may be shown: no control characters, and no more than one reads.

File names, names in specs and target files, and what compilers say all end up on a terminal.
"""

from __future__ import annotations

WORD = 60
LINE = 2000
LINES = 100
TEXT = 20_000


def word(text: str, most: int = WORD) -> str:
    r"""Return *text* on one line: what a terminal cannot show escaped, the end left out.

    >>> word("a\x1b[31m\n"), word("longer", most=4)
    ('a\\x1b[31m\\n', 'long...')
    """
    shown = text[:most]
    if not shown.isprintable():
        shown = "".join(c if c.isprintable() else _escaped(c) for c in shown)
    return shown + ("..." if len(text) > most else "")


def lines(text: str) -> str:
    r"""Return the lines of *text* in the same way, the first hundred of them.

    >>> lines("one\ttab\r\n\x07two\n")
    'one    tab\n\\x07two'
    """
    found = text[: 2 * TEXT].splitlines()
    cut = len(text) > 2 * TEXT or len(found) > LINES
    shown = [word(line.expandtabs(4).rstrip(), LINE) for line in found[:LINES]]
    whole = "\n".join(shown)
    return f"{whole[:TEXT]}\n..." if cut or len(whole) > TEXT else whole


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
