"""The tables of docs/performance.md."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from statistics import geometric_mean

from bench_peers import LAYERS, RIVALS, TITLES, Peer, PeerLayer
from bench_runs import (
    ANY,
    KIB,
    NONE,
    PEER,
    WINOGRAD,
    WINOGRAD_LAYERS,
    Figures,
    Question,
    Results,
    fastest,
)
from paper_text import exact, table

NOTHING = "–"
TOOL = r"\S+gcc \S+|QEMU [\d.]+"
MEMORY = ("stack", "code")
QUESTIONS = {
    PEER: "at its workspace",
    NONE: "without workspace",
    ANY: "any workspace",
}

# Ratios


def ratios(results: Results, board: str, question: str) -> dict[str, float]:
    """Return instructions over those of the target's rival, by layer, where both are known."""
    rivals = {name: layer.rival(board) for name, layer in LAYERS.items()}
    return {
        name: found.instructions / rival.instructions
        for name, found in results.of(board, question).items()
        if (rival := rivals[name])
    }


def cycle_ratios(results: Results, board: str, question: str) -> dict[str, float]:
    """Return estimated cycles over those of the target's rival, by layer."""
    rivals = {name: layer.rival(board) for name, layer in LAYERS.items()}
    return {
        name: found.cycles / rival.cycles_estimated
        for name, found in results.of(board, question).items()
        if (rival := rivals[name]) and found.cycles and rival.cycles_estimated
    }


def within(results: Results, board: str, peer: str) -> dict[str, float]:
    """Return ratios to any peer, of the best on the page that needs no more workspace."""
    found = {}
    for name, layer in LAYERS.items():
        known = layer.on(board).get(peer)
        answers = (results.of(board, question).get(name) for question in QUESTIONS)
        figures = [best for best in answers if best]
        if known and (best := fastest(figures, Question(limit=known.workspace))):
            found[name] = best.instructions / known.instructions
    return found


def mean(values: Mapping[str, float]) -> float | None:
    """Return the geometric mean, None of nothing.

    >>> mean({"a": 0.5, "b": 2.0}), mean({})
    (1.0, None)
    """
    return geometric_mean(values.values()) if values else None


def ratio(value: float | None) -> str:
    """Return a ratio with two decimals.

    >>> ratio(0.456), ratio(None)
    ('0.46', '–')
    """
    return NOTHING if value is None else f"{value:.2f}"


def means(found: Mapping[str, float]) -> str:
    """Return the geometric mean and of how many layers it is.

    >>> means({"a": 0.5, "b": 0.5})
    '0.50 (2)'
    """
    return f"{ratio(mean(found))} ({len(found)})" if found else NOTHING


# Tables


def summary(results: Results) -> str:
    """Return the geometric means of each target."""
    rows = (
        [
            f"`{board}`",
            TITLES[RIVALS[board]],
            *(means(ratios(results, board, question)) for question in QUESTIONS),
        ]
        for board in results.boards
    )
    return table(["target", "compared with", *QUESTIONS.values()], rows)


def others(results: Results) -> str:
    """Return the geometric means of the peers beside a target's rival that were measured on it."""
    rows = (
        [f"`{board}`", TITLES[peer], *_means_and_ends(within(results, board, peer))]
        for board in results.boards
        for peer in TITLES
        if peer != RIVALS[board] and within(results, board, peer)
    )
    return table(["target", "compared with", "geometric mean (layers)", "best", "worst"], rows)


def _means_and_ends(found: Mapping[str, float]) -> list[str]:
    return [means(found), ratio(min(found.values())), ratio(max(found.values()))]


def layers(results: Results, board: str) -> str:
    """Return instructions for each multiplication, of the rival and of the best."""
    rival = TITLES[RIVALS[board]]
    heads = ["layer", rival, "its workspace"]
    for title in QUESTIONS.values():
        heads += [title, "ratio"]
    rows = (_layer_row(results, board, LAYERS[name]) for name in measured_layers(results, board))
    averages = ["geometric mean", "", ""]
    for question in QUESTIONS:
        averages += ["", ratio(mean(ratios(results, board, question)))]
    return table(heads, [*rows, averages])


def measured_layers(results: Results, board: str) -> list[str]:
    """Return the layers of a target, in the order of the file of peers."""
    wanted = results.of(board, ANY)
    return [name for name in LAYERS if name in wanted]


def _layer_row(results: Results, board: str, layer: PeerLayer) -> list[str]:
    rival = layer.rival(board)
    row = [layer.name, per_mac(rival, layer), exact(rival.workspace) if rival else NOTHING]
    for question in QUESTIONS:
        found = results.of(board, question).get(layer.name)
        row += [
            per_mac(found, layer),
            ratio(ratios(results, board, question).get(layer.name)),
        ]
    return row


def per_mac(found: Figures | Peer | None, layer: PeerLayer) -> str:
    """Return instructions for each multiplication."""
    return ratio(found.instructions / layer.macs if found else None)


def everywhere(results: Results, without: Collection[str]) -> str:
    """Return the ratios at the rival's workspace of every target but some."""
    boards = [board for board in results.boards if board not in without]
    found = {board: ratios(results, board, PEER) for board in boards}
    rows = [
        [name, *(ratio(found[board].get(name)) for board in found)]
        for name in LAYERS
        if any(name in known for known in found.values())
    ]
    averages = ["geometric mean", *(ratio(mean(known)) for known in found.values())]
    return table(["layer", *(f"`{board}`" for board in found)], [*rows, averages])


def apart(results: Results, board: str, others: Collection[str]) -> str:
    """Return by how much the ratios of *others* differ from those of *board* at most."""
    known = ratios(results, board, PEER)
    differences = (
        abs(found - known[name])
        for other in others
        for name, found in ratios(results, other, PEER).items()
    )
    return ratio(max(differences))


def tools(results: Results) -> str:
    """Return the compilers and emulators, without the flags and boards of each target."""
    return ", ".join(dict.fromkeys(re.findall(TOOL, " ".join(results.tools.values()))))


def memory(results: Results, board: str) -> str:
    """Return from how much to how much memory layers take at the rival's workspace."""
    found = results.of(board, PEER)
    known = [rival for name in found if (rival := LAYERS[name].rival(board))]
    rows = (
        ["convgen", *map(_ends, _columns(found.values()))],
        [TITLES[RIVALS[board]], *map(_ends, _columns(known))],
    )
    return table(["bytes", *MEMORY], rows)


def _columns(found: Collection[Figures | Peer]) -> Iterator[list[int]]:
    for name in MEMORY:
        yield [size for each in found if (size := getattr(each, name)) is not None]


def _ends(sizes: Sequence[int]) -> str:
    return f"{min(sizes):,} to {max(sizes):,}"


def winograd(results: Results) -> str:
    """Return the best forms of Winograd within their limits."""
    rows = (
        row
        for board, asked in WINOGRAD.items()
        for name in WINOGRAD_LAYERS
        for title, question in asked.items()
        if (row := _winograd_row(results, board, name, title, question))
    )
    heads = ["target and layer", "asked", "at most", "algorithm", "workspace"]
    return table([*heads, "instructions per MAC", "ratio"], rows)


def _winograd_row(
    results: Results, board: str, name: str, title: str, question: Question
) -> list[str] | None:
    found, layer = results.of(board, title).get(name), LAYERS[name]
    if not found or question.limit is None:
        return None
    return [
        f"`{board}` {name}",
        title.replace("_", " "),
        f"{question.limit // KIB} KiB",
        f"`{found.algorithm}`",
        exact(found.workspace),
        per_mac(found, layer),
        ratio(ratios(results, board, title).get(name)),
    ]
