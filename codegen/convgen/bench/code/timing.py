"""What instructions take on a core: ``targets/timing``, from its technical reference manual."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from pydantic import Field, PositiveInt

from convgen.bench.code.machine_code import registers
from convgen.errors import UsageError
from convgen.resources import data_dir
from convgen.targets import target
from convgen.targets.target import Target, TomlTable


class Rule(TomlTable):
    """Cycles of the instructions whose text begins so, behind one that begins as ``after``."""

    match: str
    after: str = ""
    cycles: PositiveInt
    per_register: int = Field(0, ge=0)


class LoadUse(TomlTable):
    """The stall of an instruction that reads what the one before it loaded.

    ``reads_first`` tells those that read their first operand too.
    """

    loads: str
    stall: PositiveInt
    reads_first: str


class Timing(TomlTable):
    """A core's model. The first rule that matches holds; without one it is one cycle.

    A branch that is taken costs ``taken`` cycles beside its own. Of ``description`` and
    ``source`` the report tells. Code is fetched ``fetch_bytes`` at a time.
    """

    description: str
    source: str
    taken: int = Field(ge=0)
    fetch_bytes: PositiveInt
    rules: tuple[Rule, ...]
    load_use: LoadUse | None = None

    def cycles(self, text: str, before: str = "") -> int:
        """Return the cycles of an instruction that falls through; *before* is the one before."""
        for rule in self.rules:
            if re.match(rule.match, text) and re.match(rule.after, before):
                own = rule.cycles + (rule.per_register * registers(text))
                break
        else:
            own = 1
        return own + (_stall(self.load_use, text, before) if self.load_use else 0)

    def in_a_row(self, texts: Sequence[str]) -> int:
        """Return the cycles of instructions of which no branch is taken.

        What was before the first is not known: it is taken not to be pipelined.
        """
        return sum(self.cycles(text, before) for before, text in pairwise(["", *texts]))


def _stall(rule: LoadUse, text: str, before: str) -> int:
    """Cycles that *text* waits for what *before* loads."""
    if not re.match(rule.loads, before):
        return 0
    loaded = _names(before)[0]
    read = _names(text)[0 if re.match(rule.reads_first, text) else 1 :]
    return rule.stall if loaded in read else 0


def _names(text: str) -> list[str]:
    """Return the operands of an instruction that may be registers."""
    return re.findall(r"[a-z]\w*", text.partition(" ")[2])


def load(board: Target) -> Timing:
    """Return the model of the target's core; UsageError if there is none."""
    if board.cpu.timing is None:
        have = (name for name in target.names() if target.load(name).cpu.timing)
        raise UsageError(
            f"--cycles: {board.name} has no timing model; these targets have one: {', '.join(have)}"
        )
    return named(board.cpu.timing)


def named(name: str) -> Timing:
    """Return the model ``targets/timing/NAME.toml``."""
    known = data_dir("targets") / "timing"
    return target.read(target.shipped(name, known, "unknown timing model"), Timing, {})
