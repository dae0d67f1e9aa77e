"""The command that prints a layer's files again, for the comment at their top.

It names what the text depends on and no more: no path, and the algorithm that was chosen, whatever
made it the best.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from convgen.choices import Ends, Feed, Fusion, Goal, Reference
from convgen.plans.plan import Plan
from convgen.schedule.overlap import Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class Remake:
    """The options of the command that hold for every candidate.

    ``layer``, if given, is the operator of a model.
    ``ram`` and ``flash`` are budgets above the target's own, without which a layer may not fit; of
    a network any, since plans depend on them.
    """

    spec: Path
    target: str
    seed: int
    allow_outside: bool
    ram: int | None = None
    flash: int | None = None
    layer: str | None = None
    name: str | None = None
    ends: Ends = "model"
    reference: Reference = "litert"
    fusion: Fusion = "auto"
    feed: Feed = "whole"

    def command(self, plan: Plan, pool: Pool | None) -> str:
        """Return the command that prints *plan*, ready for a shell and for a C comment."""
        words = ["--algorithm", plan.algorithm, *self._budgets]
        words += ["--overlap"] if pool else []
        words += ["--seed", str(self.seed)] if plan.operator.synthetic and self.seed else []
        words += ["--allow-outside"] if self.allow_outside else []
        words += self._named
        words += [] if self.layer is None else ["--layer", self.layer]
        return self._command(words)

    def network_command(self, goal: Goal) -> str:
        """Return the command that prints a network planned for *goal*."""
        words = ["--optimize", goal, *self._budgets]
        words += [] if self.fusion == "auto" else ["--fusion", self.fusion]
        words += [] if self.feed == "whole" else ["--feed", self.feed]
        return self._command([*words, *self._named])

    @property
    def _budgets(self) -> list[str]:
        words = [] if self.ram is None else ["--budget", str(self.ram)]
        return words + ([] if self.flash is None else ["--flash", str(self.flash)])

    @property
    def _named(self) -> list[str]:
        words = [] if self.name is None else ["--name", self.name]
        words += [] if self.ends == "model" else ["--io", self.ends]
        return words + ([] if self.reference == "litert" else ["--reference", self.reference])

    def _command(self, options: list[str]) -> str:
        name = self.spec.name
        spec = f"./{name}" if name.startswith("-") else name
        words = ["convgen", "--target", Path(self.target).name, *options, spec]
        return " ".join(map(quote, words))


def quote(word: str) -> str:
    r"""Quote *word* for a shell without characters that end a comment, a line or a column.

    >>> print(quote("layer.json"), quote("a b$.json"), quote("*\n.json"))
    layer.json $'a\x20b$.json' $'*\n.json'
    """
    quoted = shlex.quote(word)
    if quoted == word:
        return word
    plain = word.isascii() and word.isprintable() and not set(" '\\*/?") & set(word)
    return quoted if plain else f"$'{''.join(map(_escaped, word))}'"


def _escaped(letter: str) -> str:
    """Return *letter* as bash's ``$'...'`` takes it."""
    if letter.isascii() and letter.isprintable() and letter not in " '\\/?":
        return letter
    if letter == "\n":
        return r"\n"
    return "".join(f"\\x{byte:02x}" for byte in letter.encode("utf-8", "surrogateescape"))
