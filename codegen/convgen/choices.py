"""What options of the command may be, for who asks for the help and needs nothing else."""

from __future__ import annotations

from typing import Literal, get_args

Goal = Literal["workspace", "speed", "flash"]
GOALS: tuple[Goal, ...] = get_args(Goal)
EmulatorName = Literal["auto", "qemu-system", "unicorn", "qemu-user", "none"]
GDB = "gdb:"  # begins what names a GDB server: gdb:HOST:PORT
EMULATORS: tuple[EmulatorName, ...] = get_args(EmulatorName)
ToolchainName = Literal["auto", "gcc", "zig"]
TOOLCHAINS: tuple[ToolchainName, ...] = get_args(ToolchainName)
Ends = Literal["model", "quantized"]
ENDS: tuple[Ends, ...] = get_args(Ends)
Reference = Literal["litert", "tflm"]
REFERENCES: tuple[Reference, ...] = get_args(Reference)
Fusion = Literal["auto", "off"]
FUSIONS: tuple[Fusion, ...] = get_args(Fusion)
Feed = Literal["whole", "rows"]
FEEDS: tuple[Feed, ...] = get_args(Feed)
Format = Literal["text", "json", "markdown"]
FORMATS: tuple[Format, ...] = get_args(Format)
Schema = Literal["spec", "report"]
SCHEMAS: tuple[Schema, ...] = get_args(Schema)
Shell = Literal["bash", "zsh", "fish"]
SHELLS: tuple[Shell, ...] = get_args(Shell)
Package = Literal["cmake", "zephyr", "esp-idf", "platformio", "arduino", "cmsis-pack", "make"]
PACKAGES: tuple[Package, ...] = get_args(Package)

MODELS = (".tflite", ".onnx")
"""How names of models' files end."""
