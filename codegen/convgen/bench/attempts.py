"""Candidates tried on a bench, each once, in a folder of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from convgen.bench.build import toolchain
from convgen.bench.run import known as runs
from convgen.bench.trial import Bench, Built, Trial, build, put_to_test
from convgen.errors import BuildError, MachineTooSmallError
from convgen.progress import Say
from convgen.schedule.select import Candidate
from convgen.system import process

T = TypeVar("T", bound=Built)


class Attempts:
    """Builds a candidate, runs it when it is called with one, and remembers what came of it.

    Each is run in *ram* bytes; *roomy*: one that needs more is given it. *recall*: what the same
    image gave when it was run before will do, but of what is chosen (`settled`). What is remembered
    has the order in which it was asked for.
    """

    def __init__(
        self,
        bench: Bench,
        stage: Path,
        ram: int,
        say: Say,
        *,
        roomy: bool,
        recall: bool = False,
    ) -> None:
        """Begin without any; files go to *stage*."""
        self._bench, self._stage, self._ram, self._say = bench, stage, ram, say
        self._roomy, self._recall = roomy, recall
        self._folders: dict[Candidate, Path] = {}
        self._built: dict[Candidate, Built | None] = {}
        self._tried: dict[Candidate, Trial | None] = {}
        self._too_large: dict[Candidate, MachineTooSmallError] = {}
        self._unbuilt: dict[Candidate, BuildError] = {}
        self._counted: frozenset[Candidate] = frozenset()
        self._begun: dict[Candidate, int] = {}

    @property
    def trials(self) -> list[Trial]:
        """What was run, but for what the machine has no room for."""
        return [trial for c in self._folders if (trial := self._tried.get(c)) is not None]

    @property
    def too_large(self) -> list[MachineTooSmallError]:
        """What is said of candidates that the machine has no room for."""
        return [self._too_large[c] for c in self._folders if c in self._too_large]

    @property
    def unbuilt(self) -> dict[Candidate, BuildError]:
        """What does not build, and why."""
        return {c: self._unbuilt[c] for c in self._folders if c in self._unbuilt}

    def known(self, candidate: Candidate) -> Built | None:
        """Return what is known of *candidate* so far."""
        return self._tried.get(candidate) or self._built.get(candidate)

    def built(self, candidate: Candidate) -> Built | None:
        """Return *candidate* compiled and linked; None if it does not build or fit the machine."""
        if candidate not in self._built:
            folder = self._folder(candidate)
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

    def settled(self, choose: Callable[[], Trial | None]) -> Trial | None:
        """Return what *choose* returns, run now and not only recalled.

        Where that gives something else, nothing that is recalled counts any more.
        """
        chosen = choose()
        if chosen is None or not _is_recalled(chosen):
            return chosen
        self._recall = False
        anew = self._tried[chosen.candidate] = self._run(chosen.candidate)
        if anew and anew.run and chosen.run and runs.same(anew.run, chosen.run):
            return anew
        self._tried = {c: trial for c, trial in self._tried.items() if not _is_recalled(trial)}
        return choose()

    def all(self, candidates: Sequence[Candidate]) -> None:
        """Run all of *candidates* on all cores; after a failure none begins any more.

        What takes the longest begins first, so that nothing is left for one core alone.
        """
        self._counted = frozenset(candidates)
        for candidate in candidates:
            self._folder(candidate)
        toolchain.firmware_of(self._bench.machine, self._bench.toolchain)  # for all of them
        longest_first = sorted(candidates, key=lambda candidate: -candidate.instructions)
        jobs = (partial(self, candidate) for candidate in longest_first)
        process.beside(jobs, lambda: None, self._at_once())

    def with_room(self, candidate: Candidate) -> Trial | None:
        """Return what comes of *candidate* with as much memory as it needs."""
        roomy, self._roomy = self._roomy, True
        try:
            return self(candidate)
        finally:
            self._roomy = roomy

    def _at_once(self) -> int:
        """Return how many are tried beside each other: 1 where this process is the emulator.

        One more than there are cores: while one is printed the emulators of the others run.
        """
        emulator = self._bench.emulator
        return 1 if emulator and emulator.model else 1 + (os.cpu_count() or 1)

    def _folder(self, candidate: Candidate) -> Path:
        name = f"{len(self._folders)}_{candidate.algorithm}"
        return self._folders.setdefault(candidate, self._stage / name)

    def _run(self, candidate: Candidate) -> Trial | None:
        built = self.built(candidate)
        if built is None:
            return None
        return self._unless_impossible(
            candidate,
            "running",
            lambda: put_to_test(
                built, self._bench, self._ram, roomy=self._roomy, recall=self._recall
            ),
        )

    def _told(self, what: str, candidate: Candidate) -> str:
        """Return what is being done with *candidate*, as one of all where these are known."""
        if candidate not in self._counted:
            return what
        begun = self._begun.setdefault(candidate, len(self._begun) + 1)
        return f"{begun}/{len(self._counted)} {what}"

    def _unless_impossible(
        self, candidate: Candidate, doing: str, step: Callable[[], T]
    ) -> T | None:
        self._say(self._told(f"{candidate.algorithm}: {doing}", candidate))
        try:
            return step()
        except MachineTooSmallError as error:
            self._too_large[candidate] = error
        except BuildError as error:
            self._unbuilt[candidate] = error
        return None


def _is_recalled(trial: Trial | None) -> bool:
    return trial is not None and trial.run is not None and trial.run.recalled
