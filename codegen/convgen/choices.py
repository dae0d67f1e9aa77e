"""What options of the command may be, for who asks for the help and needs nothing else."""

from __future__ import annotations

from typing import Literal, get_args

Goal = Literal["workspace", "speed", "flash"]
GOALS: tuple[Goal, ...] = get_args(Goal)
EMULATORS = ("auto", "qemu-system", "unicorn", "qemu-user", "none")
TOOLCHAINS = ("auto", "gcc", "zig")
Ends = Literal["model", "quantized"]
ENDS: tuple[Ends, ...] = get_args(Ends)
Reference = Literal["litert", "tflm"]
REFERENCES: tuple[Reference, ...] = get_args(Reference)
