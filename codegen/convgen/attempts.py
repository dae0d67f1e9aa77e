"""Candidates tried on a bench, each once, in a folder of its own."""

from __future__ import annotations

from pathlib import Path

from convgen.errors import BuildError, MachineTooSmallError
from convgen.progress import Say
from convgen.select import Candidate
from convgen.trial import Bench, Trial, attempt


class Attempts:
    """Tries a candidate when it is called with one, and remembers what came of it.

    Each is run in *ram* bytes; *roomy*: one that needs more is given it.
    """

    def __init__(self, bench: Bench, stage: Path, ram: int, say: Say, *, roomy: bool) -> None:
        """Begin without any; files go to *stage*."""
        self._bench, self._stage, self._ram, self._say = bench, stage, ram, say
        self._roomy = roomy
        self._tried: dict[Candidate, Trial | None] = {}
        self.too_large: list[MachineTooSmallError] = []
        self.unbuilt: dict[Candidate, BuildError] = {}

    @property
    def trials(self) -> list[Trial]:
        """What was tried, but for what does not build and what the machine has no room for."""
        return [trial for trial in self._tried.values() if trial is not None]

    def __call__(self, candidate: Candidate) -> Trial | None:
        """Return what came of *candidate*; None if it does not build or fit the machine."""
        if candidate not in self._tried:
            self._tried[candidate] = self._try(candidate)
        return self._tried[candidate]

    def with_room(self, candidate: Candidate) -> Trial | None:
        """Return what comes of *candidate* with as much memory as it needs."""
        roomy, self._roomy = self._roomy, True
        try:
            return self(candidate)
        finally:
            self._roomy = roomy

    def _try(self, candidate: Candidate) -> Trial | None:
        self._say(f"{candidate.algorithm}: generating, compiling, running")
        folder = self._stage / f"{len(self._tried)}_{candidate.algorithm}"
        try:
            return attempt(candidate, self._bench, folder, self._ram, roomy=self._roomy)
        except MachineTooSmallError as error:
            self.too_large.append(error)
        except BuildError as error:
            self.unbuilt[candidate] = error
        return None
