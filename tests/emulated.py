"""Run a candidate under QEMU, on a target's board."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np

import numpy_reference
from convgen.bench.build import toolchain
from convgen.bench.build.compilers import Toolchain
from convgen.bench.proof.vectors import Vectors
from convgen.bench.run import emulator
from convgen.bench.run.emulator import Emulator
from convgen.bench.trial import Bench, Trial, attempt
from convgen.model.operator import Operator
from convgen.model.ops.conv2d import Conv2d
from convgen.schedule.select import Candidate
from convgen.targets import target
from native import Job


@cache
def tools(board: str, compiler: str = "auto") -> tuple[Toolchain, Emulator]:
    described = target.load(board)
    kind = "qemu-system" if "qemu-system" in described.emulator else "native"
    return toolchain.find(compiler, described), emulator.choose(kind, described)


def bench(
    board: str, *inputs: np.ndarray, compiler: str = "auto", strict_alignment: bool = True
) -> Bench:
    """Return what candidates are tried with: buffers aligned as headers ask and no better."""
    built, machine = tools(board, compiler)
    return Bench(
        target=machine.target,
        machine=machine.machine,
        toolchain=built,
        emulator=machine,
        vectors=Vectors(inputs=inputs),
        strict_alignment=strict_alignment,
    )


def run(candidate: Candidate, board: str, inputs: np.ndarray) -> tuple[np.ndarray, Trial]:
    """Return the outputs ``[N, OH, OW, OC]``, and what was measured."""
    layer = candidate.plan.layer
    with tempfile.TemporaryDirectory() as folder:
        trial = attempt(candidate, bench(board, inputs), Path(folder) / "trial", 2**20, roomy=False)
        assert trial.verified, f"{candidate.algorithm}: {layer.geometry}: {trial.failure}"
        raw = (trial.folder / "verify" / "output.bin").read_bytes()
    g = layer.geometry
    return np.frombuffer(raw, layer.dtype).reshape(-1, g.out_h, g.out_w, g.out_c), trial


def check_jobs(jobs: Sequence[Job], found: Sequence[Mapping[str, np.ndarray]]) -> None:
    """Compare the outputs of all variants; of those that round coarsely for the first input."""
    for job, outputs in zip(jobs, found, strict=True):
        assert outputs.keys() == {variant.label for variant in job.chosen}
        right, bound = expected(job)
        for variant in job.chosen:
            # The second input is half zeros, which they do not promise to be right for.
            count = 1 if variant.plan.rounds_coarsely else len(job.inputs)
            error = np.abs(outputs[variant.label][:count].astype(np.float64) - right[:count])
            assert (error <= bound[:count]).all(), f"{variant.label}: {job.described}"


def expected(job: Job) -> tuple[np.ndarray, np.ndarray]:
    """Return the right outputs, and how far from each one may be.

    Of convolutions they are the independent reference's, of others the operator's own, which
    test_operators holds against LiteRT.
    """
    if isinstance(job.operator, Conv2d):
        return right_outputs(job.layer, job.inputs)
    inputs = (job.inputs, *job.more_inputs)
    (right,), (bound,) = job.operator.compute(*inputs), job.operator.tolerance(*inputs)
    return right, np.broadcast_to(bound, right.shape)


def right_outputs(layer: Conv2d, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return those of the independent reference, and how far from each one may be."""
    right = numpy_reference.convolve(layer, inputs)
    exact = layer.dtype != "float32"
    return right, np.zeros(right.shape) if exact else numpy_reference.tolerance(layer, inputs)


def check_operator(operator: Operator, inputs: Sequence[np.ndarray], outputs: np.ndarray) -> None:
    """Compare with the operator's own arithmetic."""
    (right,), (bound,) = operator.compute(*inputs), operator.tolerance(*inputs)
    error = np.abs(outputs.astype(np.float64) - right)
    assert (error <= bound).all(), f"{operator}"


def check(layer: Conv2d, inputs: np.ndarray, outputs: np.ndarray, label: str) -> None:
    """Compare with the independent reference."""
    right, bound = right_outputs(layer, inputs)
    error = np.abs(outputs.astype(np.float64) - right)
    assert (error <= bound).all(), f"{label}: {layer.geometry}"
