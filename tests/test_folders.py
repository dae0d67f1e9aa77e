"""Where results go: what a build system takes of them, and what keeps them apart."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from command import FIRST, generated
from convgen.resources import data_dir

FLAGS = ("-mcpu=cortex-m4", "-mthumb", "-ffreestanding", "-pedantic-errors", "-Wall", "-Werror")
MAIN = """\
#include "first.h"
static int8_t input[FIRST_INPUT_BYTES], output[FIRST_OUTPUT_BYTES];
static uint32_t workspace[FIRST_WORKSPACE_BYTES / 4u + 1u];
void _start(void) { first(input, output, workspace); }
"""

pytestmark = pytest.mark.usefixtures("workplace")


def test_a_build_may_take_every_source_below_the_folder() -> None:
    generated(*FIRST, "--emulator", "none", "-o", "made")
    sources = sorted(str(path) for end in ("c", "S") for path in Path("made").rglob(f"*.{end}"))
    assert any("/verify/" in source for source in sources)
    Path("main.c").write_text(MAIN)
    subprocess.run(
        ["arm-none-eabi-gcc", *FLAGS, "-Imade", "-idirafter", data_dir("firmware"),
         "-nostdlib", "main.c", *sources, "-lgcc", "-o", "app"],
        check=True,
        timeout=60,
    )  # fmt: skip
    symbols = subprocess.run(
        ["arm-none-eabi-nm", "app"], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert " T first\n" in symbols
    assert "convgen" not in symbols
