"""Streaming state: variables that a model reads and assigns, kept from one call to the next."""

from __future__ import annotations

from dataclasses import dataclass, field

from convgen.errors import SpecError
from convgen.formats.tflite.scene import TfliteScene, UnsupportedError, options_of
from convgen.formats.tflite.tables import FileOperator, FileTensor, SubGraph
from convgen.model.graph import State
from convgen.model.tensor import Tensor
from convgen.printable import word

Resource = tuple[str, str]
KINDS = ("CALL_ONCE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE")


@dataclass
class Variables:
    """The variables of a model, by container and name.

    ``handles``: which tensors stand for which; ``now``: what a variable that was assigned holds.
    """

    subgraphs: tuple[SubGraph, ...]
    handles: dict[int, Resource] = field(default_factory=dict)
    first: dict[Resource, FileTensor] = field(default_factory=dict)
    read: dict[Resource, Tensor] = field(default_factory=dict)
    now: dict[Resource, Tensor] = field(default_factory=dict)

    def take(self, operator: FileOperator, scene: TfliteScene) -> None:
        """Note what an operator of `KINDS` does. Raises UnsupportedError."""
        match operator.kind:
            case "CALL_ONCE":
                self._once(operator)
            case "VAR_HANDLE":
                self.handles[scene.output(operator).index] = _resource(operator)
            case "READ_VARIABLE":
                self._read(self._named(operator), scene.output(operator), scene)
            case _:
                given = scene.file_tensor(operator, 1, "value")
                if given.index in scene.constants:
                    raise UnsupportedError("a constant value")
                self.now[self._named(operator)] = scene.seen(given)

    def states(self) -> tuple[State, ...]:
        """Return the states. Raises SpecError, with the variable's name."""
        return tuple(self._state(name, tensor) for name, tensor in self.read.items())

    def _named(self, operator: FileOperator) -> Resource:
        if not operator.inputs or operator.inputs[0] not in self.handles:
            raise UnsupportedError("no handle of a variable")
        return self.handles[operator.inputs[0]]

    def _read(self, name: Resource, output: FileTensor, scene: TfliteScene) -> None:
        """What is read is the old value, until the variable is assigned."""
        known = self.now.get(name) or self.read.get(name)
        if known is None:
            self.read[name] = scene.seen(output)
            return
        scene.names[output.index] = known.name
        if scene.seen(output).elems != known.elems or output.dtype != known.dtype:
            raise UnsupportedError(f"{list(output.shape)} of a variable of {list(known.shape)}")

    def _once(self, operator: FileOperator) -> None:
        """Take the first values from the subgraph that is called once."""
        index = options_of(operator, "CallOnceOptions").init_subgraph_index
        if not 0 < index < len(self.subgraphs):
            raise UnsupportedError(f"subgraph {index}")
        graph, handles = self.subgraphs[index], dict[int, Resource]()
        for step in graph.operators:
            if step.kind == "VAR_HANDLE" and len(step.outputs) == 1:
                handles[step.outputs[0]] = _resource(step)
            elif step.kind == "ASSIGN_VARIABLE" and len(step.inputs) == 2 and min(step.inputs) >= 0:
                handle, value = step.inputs
                if handle not in handles or graph.tensors[value].data is None:
                    raise UnsupportedError("an initial value that is no constant")
                self.first[handles[handle]] = graph.tensors[value]
            else:
                raise UnsupportedError(f"{step.kind} in the subgraph")

    def _state(self, name: Resource, tensor: Tensor) -> State:
        where, expected = f"variable {word(name[1])!r}", f"{tensor.dtype} {list(tensor.shape)}"
        first, new = self.first.get(name), self.now.get(name, tensor)
        if first is None or first.data is None:
            raise SpecError([f"{where}: expected an initial value, got none"])
        for each, what in ((first, "to begin with"), (new, "from the model")):
            if each.elems != tensor.elems or each.dtype != tensor.dtype:
                found = f"{each.dtype} {list(each.shape)}"
                raise SpecError([f"{where}: expected {expected}, as is read, got {found} {what}"])
        return State(tensor=tensor, initial=first.data.reshape(tensor.shape), new=new)


def _resource(operator: FileOperator) -> Resource:
    options = options_of(operator, "VarHandleOptions")
    return options.container, options.shared_name
