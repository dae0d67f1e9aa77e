from __future__ import annotations

import os
import subprocess
import sys
from typing import cast

import pytest

from convgen.system import portability
from convgen.system.portability import Process


class Watched:
    """A process whose waiting thread takes it off the collection once it is looked at."""

    def __init__(self, among: set[Process]) -> None:
        command = [sys.executable, "-c", "import time; time.sleep(600)"]
        self.process = subprocess.Popen(command, **portability.apart())
        self.args = command
        self._among = among

    @property
    def pid(self) -> int:
        self._among.discard(cast(Process, self))
        return self.process.pid

    def kill(self) -> None:
        self.process.kill()

    def wait(self, timeout: float | None = None) -> int:
        return self.process.wait(timeout)


def test_processes_that_are_taken_off_meanwhile_are_ended_all() -> None:
    running: set[Process] = set()
    watched = [Watched(running) for _ in range(4)]
    running.update(cast(list[Process], watched))
    portability.end(running)
    assert running == set()
    for each in watched:
        with pytest.raises(ProcessLookupError):
            os.kill(each.process.pid, 0)
        each.process.wait(1)
