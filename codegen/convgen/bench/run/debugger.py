"""Run an image on a board through GDB and its server: the only module that starts GDB.

Machine interface and its parsing are pygdbmi's. What the firmware asks of its port
(`firmware/debugger.c`) is done by reading and writing memory while the board stands still.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from convgen import extras
from convgen.bench.build.harness import RUN_FILES, Status
from convgen.bench.build.toolchain import Image
from convgen.errors import ToolError
from convgen.printable import word
from convgen.system import process
from convgen.system.process import TimedOut

GDB = "gdb-multiarch"
INSTALL = "apt-get install gdb-multiarch"
ANSWER_S = 15.0  # for a command that reads or writes some bytes
LOAD_S = 120.0  # to erase and write flash
LOOK_S = 0.05
MORE_S = 0.0002  # for what GDB says right behind something; of nought the package waits for LOOK_S
MOST_BYTES = 16384  # read or written by one command
STOP, REQUEST = "convgen_debugger_stop", "convgen_request"
OPEN, READ, WRITE, EXIT = 1, 2, 3, 4
LOST = ("Remote connection closed", "Connection reset", "Broken pipe", "not being run", "recv")
THUMB_STATE = 0x0100_0000


def version() -> str:
    """Return that of GDB; ToolError if it, or the package that talks to it, is missing."""
    extras.load("pygdbmi", "talks to GDB", extras.BOARD)
    return process.version([GDB, "--version"], install=INSTALL)


@dataclass(frozen=True, kw_only=True, slots=True)
class _LoadedProgram:
    """What of an ELF is needed to start it; ``zeros`` are addresses and sizes."""

    symbols: dict[str, int]
    entry: int
    zeros: tuple[tuple[int, int], ...]
    word_bytes: int
    is_arm: bool


def _program(image: Image) -> _LoadedProgram:
    with image.elf.open("rb") as file:
        elf = ELFFile(file)
        symbols = cast(SymbolTableSection, elf.get_section_by_name(".symtab"))
        return _LoadedProgram(
            symbols={symbol.name: symbol["st_value"] for symbol in symbols.iter_symbols()},
            entry=elf.header["e_entry"],
            zeros=tuple(
                (section["sh_addr"], section["sh_size"])
                for section in elf.iter_sections()
                if section["sh_type"] == "SHT_NOBITS"
                and section["sh_size"]
                and section.name in (".bss", ".layer_bss")
            ),
            word_bytes=elf.elfclass // 8,
            is_arm=elf["e_machine"] == "EM_ARM",
        )


class LostBoardError(ToolError):
    """GDB has no connection to the board, or no longer."""


class _Gdb:
    """A GDB that talks to the server at an address, and nothing else."""

    def __init__(self, server: str) -> None:
        package = extras.load("pygdbmi.gdbcontroller", "talks to GDB", extras.BOARD)
        self._server = server
        self._stopped: dict[str, Any] | None = None
        command = [GDB, "--nx", "--quiet", "--interpreter=mi3"]
        try:
            self._controller = package.GdbController(
                command=command, time_to_check_for_additional_output_sec=MORE_S
            )
        except (OSError, ValueError) as error:
            raise ToolError(f"cannot run {GDB}: {error}\n  to install it: {INSTALL}") from None

    def close(self) -> None:
        """End GDB, which lets go of the board."""
        with contextlib.suppress(Exception):  # it may have ended by itself
            self._controller.exit()

    def do(self, command: str, limit: float | None = None) -> dict[str, Any]:
        """Return the payload of what *command* gives; ToolError if it fails or says nothing."""
        self._stopped = None
        try:
            self._controller.write(
                command, timeout_sec=0, raise_error_on_timeout=False, read_response=False
            )
        except Exception as error:
            raise self._lost(f"GDB ended: {word(str(error))}") from None
        for said in self._said(ANSWER_S if limit is None else limit, command):
            if said["type"] != "result":
                continue
            if said["message"] == "error":
                raise self._failed(command, str((said["payload"] or {}).get("msg", "")))
            return said["payload"] or {}
        raise AssertionError  # _said has no other end

    def stop(self, limit: float) -> dict[str, Any]:
        """Return what made the board stop; TimedOut if it runs for longer than *limit*."""
        if self._stopped is None:
            for said in self._said(limit, None):
                if self._stopped is not None:
                    break
                if said["message"] == "thread-group-exited":
                    raise self._lost("the connection was lost")
        stopped, self._stopped = self._stopped, None
        return stopped or {}

    def _said(self, limit: float, command: str | None) -> Iterator[dict[str, Any]]:
        """Yield what GDB says, until *limit* seconds are over."""
        until = time.monotonic() + limit
        while time.monotonic() < until:
            try:
                messages = self._controller.get_gdb_response(
                    timeout_sec=LOOK_S, raise_error_on_timeout=False
                )
            except Exception as error:
                raise self._lost(f"GDB ended: {word(str(error))}") from None
            for said in messages:  # all, before who listens has heard enough
                if said["type"] == "notify" and said["message"] == "stopped":
                    self._stopped = said["payload"] or {}
            yield from messages
            if self._controller.gdb_process.poll() is not None:
                raise self._lost("GDB ended")
        if command is None:
            raise TimedOut(f"still running after {limit:g} s")
        raise self._lost(f"no answer within {limit:g} s to {word(command.split()[0])}")

    def _failed(self, command: str, message: str) -> ToolError:
        if any(sign in message for sign in LOST):
            return self._lost(f"the connection was lost: {word(message)}")
        return ToolError(
            f"GDB server {self._server}: {word(command.split()[0])} failed: {word(message, 200)}"
        )

    def _lost(self, what: str) -> LostBoardError:
        return LostBoardError(f"GDB server {self._server}: {what}")


class Board:
    """A board with an image in it, whose requests for files are done here."""

    def __init__(self, gdb: _Gdb, image: Image) -> None:
        """Prepare to run *image*."""
        self._gdb = gdb
        self._image = image
        self._program = _program(image)
        self._files: list[BinaryIO] = []

    def load(self, server: str) -> None:
        """Connect, stop the board, write the image and set it to its start."""
        gdb, program = self._gdb, self._program
        for setting in ("confirm off", "tcp connect-timeout 3", "remotetimeout 5"):
            gdb.do(f"-gdb-set {setting}")
        gdb.do(f'-file-exec-and-symbols "{self._image.elf.absolute()}"')
        gdb.do(f"-target-select extended-remote {server}")
        if not gdb.do("-thread-info").get("threads"):  # a Black Magic Probe waits to be asked
            gdb.do('-interpreter-exec console "monitor swdp_scan"')
            gdb.do("-target-attach 1")
        with contextlib.suppress(ToolError):  # servers differ in what they call it
            gdb.do('-interpreter-exec console "monitor reset halt"')
        gdb.do("-target-download", LOAD_S)
        for address, size in program.zeros:
            gdb.do(f"-data-write-memory-bytes {address:#x} 00 {size}")
        start = {"sp": program.symbols["convgen_stack_top"], "pc": program.entry & ~1}
        if program.is_arm:
            start = {"xpsr": THUMB_STATE, **start}
        else:
            start["pc"] = program.entry
        for register, value in start.items():
            gdb.do(f"-gdb-set var ${register} = {value:#x}")
        gdb.do(f"-break-insert -h *{program.symbols[STOP] & ~1:#x}")

    def run(self, limit: float) -> int:
        """Return the status with which the firmware ends."""
        try:
            while True:
                self._gdb.do("-exec-continue")
                stopped = self._gdb.stop(limit)
                if stopped.get("reason") != "breakpoint-hit":
                    return self._fault(stopped)
                status = self._serve()
                if status is not None:
                    return status
        finally:
            for file in self._files:
                file.close()

    def _fault(self, stopped: dict[str, Any]) -> int:
        """Report a fault that the server stopped at before the firmware's handler."""
        if str(stopped.get("reason", "")).startswith("exited"):
            raise LostBoardError("the GDB server ended the program")
        where = stopped.get("frame", {}).get("addr", "0")
        sp = self._gdb.do('-data-evaluate-expression "(unsigned long)$sp"').get("value", "0")
        arena = self._program.symbols["convgen_layer_start"]
        with (self._image.elf.parent / "run.txt").open("a", encoding="ascii") as file:
            for key, value in (
                ("fault_pc", int(where, 0)),
                ("fault_sp", int(sp, 0)),
                ("arena", arena),
            ):
                file.write(f"{key}=0x{value:016x}\n")
        return Status.FAULT

    def _serve(self) -> int | None:
        """Do what the firmware asks for; return the status if it is to end."""
        size, at = self._program.word_bytes, self._program.symbols[REQUEST]
        block = self._read(at, 4 * size)
        words = [int.from_bytes(block[i : i + size], "little") for i in range(0, 4 * size, size)]
        operation, first, second, third = words
        if operation == EXIT:
            return first
        if operation == OPEN:
            result = self._open(first, writes=bool(second))
        elif operation == READ:
            content = self._files[first].read(third)
            self._write(second, content)
            result = len(content)
        else:
            self._files[first].write(self._read(second, third))
            self._files[first].flush()  # it may be read before the end
            result = 1
        self._write(at + 4 * size, (result & (1 << 8 * size) - 1).to_bytes(size, "little"))
        return None

    def _open(self, at: int, *, writes: bool) -> int:
        text = (
            self._read(at, max(map(len, RUN_FILES)) + 1).split(b"\0")[0].decode("ascii", "replace")
        )
        if text not in RUN_FILES:
            return -1
        try:
            self._files.append((self._image.elf.parent / text).open("wb" if writes else "rb"))
        except OSError:
            return -1
        return len(self._files) - 1

    def _read(self, address: int, size: int) -> bytes:
        content = b""
        while len(content) < size:
            most = min(MOST_BYTES, size - len(content))
            found = self._gdb.do(f"-data-read-memory-bytes {address + len(content):#x} {most}")
            content += bytes.fromhex(found["memory"][0]["contents"])
        return content

    def _write(self, address: int, content: bytes) -> None:
        for at in range(0, len(content), MOST_BYTES):
            part = content[at : at + MOST_BYTES].hex()
            self._gdb.do(f"-data-write-memory-bytes {address + at:#x} {part}")


def run(server: str, image: Image, *, limit: float) -> int:
    """Run *image* on what the GDB server at *server* controls; return the firmware's status.

    TimedOut if the firmware neither ends nor asks for anything within *limit* seconds; ToolError
    if the server is not there, is lost or does not answer.
    """
    gdb = _Gdb(server)
    try:
        board = Board(gdb, image)
        board.load(server)
        return board.run(limit)
    finally:
        gdb.close()
