"""Exact rewritings of graphs: the same bytes, with fewer operators and numbers."""

from __future__ import annotations

from collections.abc import Callable

from convgen.model.graph import Graph, Saved
from convgen.model.ops.conv2d import Conv2d
from convgen.model.passes import activations, channels, means, moves, splits

Pass = Callable[[Graph], Graph]

PASSES: tuple[tuple[str, Pass], ...] = (
    ("unused operators", moves.drop_unused),
    ("idle moves", moves.drop_idle_moves),
    ("slices of slices", moves.join_slices),
    ("padding", moves.join_padding),
    ("shares of channels", splits.join_shares),
    ("transposed means", means.transpose_after_means),
    ("means as poolings", means.means_as_poolings),
    ("functions of one byte", activations.tabulate),
    ("tables of tables", activations.merge_tables),
    ("activations", activations.fuse_activations),
    ("dead channels", channels.drop_dead_channels),
)
"""By their names in the report."""

MOST_ROUNDS = 20


def simplified(graph: Graph) -> tuple[Graph, tuple[Saved, ...]]:
    """Return *graph* after all passes, until none finds anything, and what those that did saved."""
    saved: dict[str, Saved] = {}
    for _ in range(MOST_ROUNDS):
        before = graph
        for name, rewrite in PASSES:
            after = _settled(graph, rewrite)
            if after.operators != graph.operators:
                saved[name] = _difference(name, graph, after, saved.get(name))
            graph = after
        if graph.operators == before.operators:
            break
    return graph, tuple(saved.values())


def _settled(graph: Graph, rewrite: Pass) -> Graph:
    """Return *graph* when a pass finds nothing more."""
    for _ in graph.operators:
        after = moves.drop_unused(rewrite(graph))
        if after.operators == graph.operators:
            break
        graph = after
    return graph


def _difference(name: str, before: Graph, after: Graph, known: Saved | None) -> Saved:
    return Saved(
        name=name,
        operators=len(before.operators) - len(after.operators) + (known.operators if known else 0),
        macs=before.macs - after.macs + (known.macs if known else 0),
        parameters=parameters(before) - parameters(after) + (known.parameters if known else 0),
    )


def parameters(graph: Graph) -> int:
    """Return how many weights and biases a graph has."""
    return sum(
        operator.weights.size + (0 if operator.bias is None else operator.bias.size)
        for operator in graph.operators
        if isinstance(operator, Conv2d)
    )
