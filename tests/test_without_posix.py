"""Where a system lacks what POSIX has, as Windows does: simulated by taking it away.

Python's own library must keep it, so what uses it there is imported first.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from command import FIRST, convgen_process, tree
from convgen.system.publishing import SUMS

pytestmark = [pytest.mark.emulator, pytest.mark.usefixtures("workplace")]

WITHOUT = """
import ctypes, glob, multiprocessing, os, pathlib, platform, runpy, selectors, shutil, signal
import socket, subprocess, sys, tempfile, threading, uuid
for module in ("fcntl", "grp", "pty", "pwd", "resource", "select", "termios", "tty"):
    sys.modules[module] = None
for name in (
    "fork", "getpgid", "getpriority", "getuid", "killpg", "mkfifo", "set_blocking", "setsid",
    "sysconf", "wait", "O_CLOEXEC", "O_NONBLOCK",
):
    delattr(os, name)
for name in ("SIGALRM", "SIGHUP", "SIGKILL", "SIGQUIT", "alarm", "pthread_sigmask", "sigwait"):
    delattr(signal, name)
open_file = os.open
def opened(path, *arguments, **more):
    if os.path.isdir(path):
        raise PermissionError(13, "Permission denied", str(path))
    return open_file(path, *arguments, **more)
os.open = opened
popen = subprocess.Popen.__init__
def started(self, *arguments, **more):
    assert not more.pop("preexec_fn", None)
    assert not more.pop("start_new_session", False), "there are no sessions"
    popen(self, *arguments, **more)
subprocess.Popen.__init__ = started
subprocess.Popen.kill = lambda self: os.kill(self.pid, signal.SIGTERM)
shutil._use_fd_functions = False
"""

IMPORTS = """
import importlib, pkgutil, convgen
for module in pkgutil.walk_packages(convgen.__path__, "convgen."):
    importlib.import_module(module.name)
"""

RUNS = """
sys.argv = ["convgen", *sys.argv[1:]]
runpy.run_module("convgen", run_name="__main__")
"""


def python(does: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT + does, *arguments]
    source = Path(__file__).resolve().parents[1] / "codegen"
    return subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_every_module_can_be_imported() -> None:
    done = python(IMPORTS)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_run_writes_the_same_files() -> None:
    options = (*FIRST, "--emulator", "none", "-o", "out")
    expected = convgen_process(*options)
    assert expected.status == 0
    before = tree(Path("out"))
    for _ in range(2):  # into a folder that is there, and into none
        done = python(RUNS, *options)
        assert (done.returncode, done.stderr) == (0, "")
        assert tree(Path("out")) == before
        subprocess.run(["sha256sum", "--quiet", "--check", SUMS], cwd="out", check=True)
        subprocess.run(["rm", "-r", "out"], check=True)


def test_a_program_that_hangs_is_ended_by_taskkill() -> None:
    Path("taskkill").write_text('#!/bin/sh\necho "$@" >killed; kill "$4"\n')
    Path("taskkill").chmod(0o755)
    does = """
os.environ["PATH"] = f"{os.getcwd()}{os.pathsep}{os.environ['PATH']}"
from convgen.system import process
try:
    process.run(["sleep", "600"], timeout=0.2)
except process.TimedOut:
    print("ended")
"""
    done = python(does)
    assert (done.stdout, done.stderr) == ("ended\n", "")
    *options, number = Path("killed").read_text().split()
    assert options == ["/F", "/T", "/PID"]
    assert not Path(f"/proc/{number}").exists()


def test_without_taskkill_the_program_itself_is_ended() -> None:
    does = """
from convgen.system import process
try:
    process.run([sys.executable, "-c", "import time; time.sleep(600)"], timeout=0.2)
except process.TimedOut:
    print("ended")
"""
    assert python(does).stdout == "ended\n"


def test_a_signal_ends_the_run() -> None:
    does = """
from convgen.system import interrupt
interrupt.watch()
os.kill(os.getpid(), signal.SIGINT)
"""
    done = python(does)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "convgen: interrupted\n")
