"""Random streaming networks: rows of the calls before are joined with new ones, and read."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from convgen.model.graph import Graph, State
from convgen.model.ops.move import Concatenation
from convgen.model.passes import simplified
from convgen.model.passes.states import settle_states
from convgen.model.tensor import DType, Tensor
from random_graphs import Grower

STEPS = 12


class Streamer(Grower):
    """A chain in which some tensors have a state, of each some readers."""

    def __init__(self, rng: random.Random, dtype: DType) -> None:
        super().__init__(rng, dtype)
        shape = (rng.choice([1, 1, 2, 3]), rng.choice([1, 1, 2]), rng.choice([2, 4, 8]))
        self.start = self.tensor(shape)
        self.kept: list[State] = []

    def stream(self) -> Graph:
        now = self.start
        for _ in range(self.rng.randint(1, 3)):
            joined = self.rng.choice([self.joined, self.joined, self.shifted])(now)
            now = self.read(joined)
            if self.rng.random() < 0.3:
                now = self.twice(now)
        outputs = [now]
        if self.rng.random() < 0.2:
            outputs.append(joined)
        return Graph(
            name="stream",
            operators=tuple(self.operators),
            inputs=(self.start,),
            outputs=tuple(outputs),
            states=tuple(self.kept),
        )

    def joined(self, now: Tensor) -> Tensor:
        """New rows behind those of a state, which is the last of all rows afterwards."""
        rows = self.rng.randint(1, 6)
        state = self.tensor((rows, *now.shape[1:]), now)
        shape = (rows + now.shape[0], *now.shape[1:])
        whole = self.add(
            Concatenation(name="", inputs=(state, now), output=self.tensor(shape, now), axis=0)
        )
        self.keep(state, self.slice(whole, (now.shape[0], 0, 0), state.shape))
        return whole

    def shifted(self, now: Tensor) -> Tensor:
        """A state of all rows: the new ones behind its last."""
        rows = self.rng.randint(1, 6)
        shape = (rows + now.shape[0], *now.shape[1:])
        state = self.tensor(shape, now)
        last = self.slice(state, (now.shape[0], 0, 0), (rows, *now.shape[1:]))
        whole = self.add(
            Concatenation(name="", inputs=(last, now), output=self.tensor(shape, now), axis=0)
        )
        self.keep(state, whole)
        return whole

    def keep(self, state: Tensor, new: Tensor) -> None:
        value = self.rng.choice([state.zero_point, None])
        initial: Any = np.full(state.shape, value or 0, self.dtype)
        if value is None:
            initial = self.numbers.integers(-100, 100, state.shape).astype(self.dtype)
        self.kept.append(State(tensor=state, initial=initial, new=new))

    def read(self, joined: Tensor) -> Tensor:
        """Read joined rows by something that leaves few, or by two and what joins these."""
        steps = [self.depthwise, self.conv, self.pool, self.window, self.window, self.shares]
        steps += [self.sliced, self.halves]
        return self.rng.choice(steps)(joined)

    def window(self, joined: Tensor) -> Tensor:
        """A convolution of all rows that leaves one."""
        height, _, channels = joined.shape
        deep = self.rng.random() < 0.6 and channels > 1
        g = self.pointwise_geometry(joined, channels if deep else 4)
        geometry = {"out_h": 1, "k_h": height, "groups": channels if deep else 1}
        layer = self.layer(joined, type(g)(**{**_fields(g), **geometry}), "conv2d")
        return self.add(layer)

    def halves(self, joined: Tensor) -> Tensor:
        """Some last rows through one operator, some first through another, joined again."""
        if joined.shape[0] < 3:
            return self.window(joined)
        rows = joined.shape[0] - 1
        late = self.slice(joined, (1, 0, 0), (rows, *joined.shape[1:]))
        early = self.slice(joined, (0, 0, 0), (rows, *joined.shape[1:]))
        one, two = self.pool(late), self.pool(early)
        shape = (one.shape[0] + two.shape[0], *one.shape[1:])
        like = self.tensor(shape, one)
        return self.add(Concatenation(name="", inputs=(two, one), output=like, axis=0))

    def twice(self, now: Tensor) -> Tensor:
        """Two states of the same new rows."""
        one, two = self.joined(now), self.joined(now)
        shape = (one.shape[0] + two.shape[0], *now.shape[1:])
        both = Concatenation(name="", inputs=(one, two), output=self.tensor(shape, now), axis=0)
        return self.add(both) if self.rng.random() < 0.5 else one


def _fields(g: Any) -> dict[str, Any]:
    return {name: getattr(g, name) for name in type(g).__dataclass_fields__}


def draw(number: int, dtype: DType = "int8") -> tuple[Graph, np.ndarray]:
    """Return the *number*-th network as a model has it, and what it is fed, step by step."""
    streamer = Streamer(random.Random(f"stream {dtype} {number}"), dtype)  # noqa: S311
    graph = streamer.stream()
    numbers = np.random.default_rng(number)
    given = numbers.integers(-128, 128, (STEPS, *graph.inputs[0].shape)).astype(dtype)
    return graph, given


def settled(graph: Graph) -> Graph:
    """Return *graph* as it is planned."""
    return settle_states(simplified(graph)[0])
