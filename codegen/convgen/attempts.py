"""Candidates tried on a bench, each once, in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from convgen.errors import BuildError, MachineTooSmallError
from convgen.progress import Say
from convgen.select import Candidate
from convgen.trial import Bench, Built, Trial, build, put_to_test

T = TypeVar("T", bound=Built)


class Attempts:
    """Builds a candidate, runs it when it is called with one, and remembers what came of it.

    Each is run in *ram* bytes; *roomy*: one that needs more is given it.
    """

    def __init__(self, bench: Bench, stage: Path, ram: int, say: Say, *, roomy: bool) -> None:
        """Begin without any; files go to *stage*."""
        self._bench, self._stage, self._ram, self._say = bench, stage, ram, say
        self._roomy = roomy
        self._built: dict[Candidate, Built | None] = {}
        self._tried: dict[Candidate, Trial | None] = {}
        self.too_large: list[MachineTooSmallError] = []
        self.unbuilt: dict[Candidate, BuildError] = {}

    @property
    def trials(self) -> list[Trial]:
        """What was run, but for what the machine has no room for."""
        return [trial for trial in self._tried.values() if trial is not None]

    def known(self, candidate: Candidate) -> Built | None:
        """Return what is known of *candidate* so far."""
        return self._tried.get(candidate) or self._built.get(candidate)

    def built(self, candidate: Candidate) -> Built | None:
        """Return *candidate* compiled and linked; None if it does not build or fit the machine."""
        if candidate not in self._built:
            folder = self._stage / f"{len(self._built)}_{candidate.algorithm}"
            self._built[candidate] = self._unless_impossible(
                candidate,
                "generating, compiling",
                lambda: build(candidate, self._bench, folder, self._ram),
            )
        return self._built[candidate]

    def __call__(self, candidate: Candidate) -> Trial | None:
        """Return what came of *candidate*; None if it does not build or fit the machine."""
        if candidate not in self._tried:
            self._tried[candidate] = self._run(candidate)
        return self._tried[candidate]

    def _run(self, candidate: Candidate) -> Trial | None:
        built = self.built(candidate)
        if built is None:
            return None
        return self._unless_impossible(
            candidate,
            "running",
            lambda: put_to_test(built, self._bench, self._ram, roomy=self._roomy),
        )

    def with_room(self, candidate: Candidate) -> Trial | None:
        """Return what comes of *candidate* with as much memory as it needs."""
        roomy, self._roomy = self._roomy, True
        try:
            return self(candidate)
        finally:
            self._roomy = roomy

    def _unless_impossible(
        self, candidate: Candidate, doing: str, step: Callable[[], T]
    ) -> T | None:
        self._say(f"{candidate.algorithm}: {doing}")
        try:
            return step()
        except MachineTooSmallError as error:
            self.too_large.append(error)
        except BuildError as error:
            self.unbuilt[candidate] = error
        return None
