"""A board behind a GDB server: QEMU's own, which stands still until GDB lets it go."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from itertools import pairwise
from pathlib import Path

import pytest

from command import convgen
from convgen.bench.run import board, debugger, emulator
from convgen.errors import ConvgenError, ToolError, VerificationError
from convgen.resources import data_dir
from convgen.targets import target
from toy.bench import INPUT, build

pytestmark = pytest.mark.emulator

LAYER = data_dir("targets").parent / "examples" / "digits" / "conv3" / "layer.json"
QUIET = ("-display", "none", "-monitor", "none", "-serial", "none", "-S")
BOARDS = {
    "stm32f407": ("qemu-system-arm", "-machine", "netduinoplus2"),
    "cortex-m4": ("qemu-system-arm", "-machine", "mps2-an386"),
    "rv32imc": ("qemu-system-riscv32", "-machine", "virt", "-bios", "none", "-m", "208M"),
    "own": (
        "qemu-system-riscv32", "-machine", "virt", "-bios", "none", "-m", "208M",
        "-icount", "shift=0",
    ),
}  # fmt: skip
IDLE = b"\x00\x00\x01\x20\x09\x00\x00\x00\xfe\xe7"  # vectors, and a branch to itself
OWN = """core = "rv32imac"
description = "QEMU's board as a chip whose mcycle counts"
[memory]
counter = "mcycle"
regions = [
    { name = "flash", kind = "flash", origin = 0x80000000, bytes = "256k" },
    { name = "sram", kind = "ram", origin = 0x84000000, bytes = "64k" },
]
"""

Start = Callable[[str], str]


def free_port() -> int:
    with closing(socket.socket()) as sock:
        sock.bind(("localhost", 0))
        return int(sock.getsockname()[1])


def wait_for(port: int) -> None:
    """Wait until something listens there: /proc tells, and does not connect, as GDB does once."""
    listens = re.compile(rf":{port:04X} \S+ 0A ")
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if any(listens.search(Path(f"/proc/net/{name}").read_text()) for name in ("tcp", "tcp6")):
            return
        time.sleep(0.02)
    raise AssertionError(f"nothing listens at port {port}")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts a board, and returns what --emulator calls it."""
    running: list[subprocess.Popen[bytes]] = []

    def started(name: str) -> str:
        port = free_port()
        kernel = tmp_path / "idle.bin"
        kernel.write_bytes(IDLE)
        image = ("-kernel", str(kernel)) if "arm" in BOARDS[name][0] else ()
        command = [*BOARDS[name], *QUIET, *image, "-gdb", f"tcp:localhost:{port}"]
        running.append(subprocess.Popen(command))
        wait_for(port)
        return f"gdb:localhost:{port}"

    yield started
    for process in running:
        process.kill()
        process.wait()


@pytest.mark.parametrize("name", ["stm32f407", "rv32imc"])
def test_a_layer_is_verified_on_a_board(name: str, start: Start, tmp_path: Path) -> None:
    """In the chip's own memory, as its file has it. QEMU's cores have no counter of cycles."""
    out = tmp_path / "out"
    done = convgen("-t", name, "--emulator", start(name), "--algorithm", "direct", "-o", out, LAYER)
    assert (done.status, done.stderr) == (0, "")
    report = json.loads((out / "report.json").read_text())
    assert (report["verified"], report["emulator"]["kind"]) == (True, "gdb")
    assert report["cycles_measured"] is None
    assert report["instructions"] > 5000  # counted by Unicorn, of the same image
    assert f"no cycles: {name} has no counter that runs" in report["emulator"]["notes"]
    assert 0 < report["memory"]["stack"] < 500


def test_a_counter_of_cycles_is_read(start: Start, tmp_path: Path) -> None:
    """QEMU's mcycle counts instructions when it is told to: so many cycles there must be."""
    chip = tmp_path / "own.toml"
    chip.write_text(OWN)
    out = tmp_path / "out"
    done = convgen(
        "-t", chip, "--emulator", start("own"), "--algorithm", "direct", "-o", out, LAYER
    )
    assert (done.status, done.stderr) == (0, "")
    report = json.loads((out / "report.json").read_text())
    assert abs(report["cycles_measured"] - report["instructions"]) <= 8
    assert "measured on the board" in done.stdout


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("past_output.c", "toy wrote past the end of output: first byte at +101"),
        ("writes_input.c", "toy modified its input: first byte at +"),
        ("bad_address.c", "toy fault at 0x"),
        ("endless.c", "toy did not return within 1 s on cortex-m4 at localhost:"),
    ],
)
def test_what_a_layer_does_wrong_is_told_as_by_an_emulator(
    source: str, said: str, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emulator, "SHORTEST_TIMEOUT_S", 1.0)
    built = build(tmp_path, source, "cortex-m4", start("cortex-m4"), budget=1024)
    with pytest.raises(VerificationError) as caught:
        built.run()
    assert said in str(caught.value)


def test_the_same_image_runs_again(start: Start, tmp_path: Path) -> None:
    built = build(tmp_path, "scale.c", "cortex-m4", start("cortex-m4"))
    first = built.run(INPUT)
    assert first.outputs == bytes(3 * value % 256 for value in INPUT)
    assert first == built.run(INPUT)


def served(act: Callable[[socket.socket], None]) -> str:
    """Return a server that does *act* with who connects first."""
    listening = socket.create_server(("localhost", 0))

    def serve() -> None:
        with listening, listening.accept()[0] as connection:
            act(connection)

    threading.Thread(target=serve, daemon=True).start()
    return f"gdb:localhost:{listening.getsockname()[1]}"


def says(server: str, out: Path) -> str:
    """Return what the command says of *server*, in one sentence, with the code of a tool."""
    done = convgen("-t", "cortex-m4", "--emulator", server, "-o", out, LAYER)
    assert done.status == 4
    assert not out.exists()
    return done.stderr


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    said = says(f"gdb:localhost:{free_port()}", tmp_path / "out")
    assert "GDB server localhost:" in said
    assert "Connection timed out" in said  # GDB tries for some seconds


def test_a_server_that_does_not_answer_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(debugger, "ANSWER_S", 2.0)
    said = says(served(lambda connection: time.sleep(30)), tmp_path / "out")
    assert "no answer within 2 s to -target-select" in said


def test_a_server_that_hangs_up_is_told(tmp_path: Path) -> None:
    assert "GDB server localhost:" in says(served(lambda connection: None), tmp_path / "out")


def test_a_connection_that_is_lost_in_a_call_is_told(start: Start, tmp_path: Path) -> None:
    """Between GDB and QEMU is one that hangs up while the layer runs for ever."""
    behind = int(start("cortex-m4").rpartition(":")[2])

    def forward(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):  # the other direction has hung up
            while data := source.recv(65536):
                sink.sendall(data)

    def relay(connection: socket.socket) -> None:
        with socket.create_connection(("localhost", behind)) as server:
            for pair in ((connection, server), (server, connection)):
                threading.Thread(target=forward, args=pair, daemon=True).start()
            time.sleep(3)
            connection.shutdown(socket.SHUT_RDWR)

    built = build(tmp_path, "endless.c", "cortex-m4", served(relay), budget=1024)
    with pytest.raises(ToolError) as caught:
        built.run()
    assert "GDB server localhost:" in str(caught.value)
    assert "lost" in str(caught.value)


@pytest.mark.parametrize("server", ["gdb:", "gdb:localhost", "gdb:local host:1", "gdb:a:b"])
def test_a_server_that_is_no_address_is_refused(server: str, tmp_path: Path) -> None:
    done = convgen("-t", "cortex-m4", "--emulator", server, LAYER)
    assert done.status == 2
    assert "--emulator: expected gdb:HOST:PORT, such as gdb:localhost:3333, got" in done.stderr


@pytest.mark.parametrize("name", target.chips())
def test_code_harness_and_layer_have_places_in_every_chip(name: str) -> None:
    """Apart from each other, within its regions, and with room to speak of."""
    chip = target.load(name)
    memory = board.machine(chip).memory
    assert memory is not None
    regions = chip.memory.regions
    places = [(r.origin, r.origin + r.bytes) for r in regions if not r.external]
    places += [(r.fetched_at, r.fetched_at + r.bytes) for r in regions if r.fetched_at is not None]
    largest = target.largest(regions, "ram")
    assert largest is not None
    places.append((largest.origin, largest.origin + largest.bytes))
    parts = (memory.code, memory.harness, memory.layer)
    for part in parts:
        end = part.origin + part.bytes
        assert any(start <= part.origin and end <= after for start, after in places)
    ordered = sorted(parts, key=lambda part: part.origin)
    assert all(a.origin + a.bytes <= b.origin for a, b in pairwise(ordered))
    assert memory.layer.bytes >= chip.memory.ram // 4


@pytest.mark.parametrize("name", ["ch32v003", "stm32f103", "rp2040", "esp32-c3"])
def test_the_firmware_fits_a_small_chip_and_one_without_flash(name: str, tmp_path: Path) -> None:
    """It is linked for the chip, not run: GDB is told of a server that nobody asks for."""
    built = build(tmp_path, "scale.c", name, "gdb:localhost:1", budget=1000)
    assert built.image.elf.is_file()


def test_this_computer_is_no_board() -> None:
    with pytest.raises(ConvgenError, match="host is no board"):
        board.machine(target.load("host"))
