"""The pass of ``--io quantized``: conversions at the ends are left to the caller."""

from __future__ import annotations

from dataclasses import replace

from convgen.model.graph import Graph
from convgen.model.operator import Operator
from convgen.model.ops.convert import Dequantize, Quantize
from convgen.model.ops.table import Table
from convgen.model.passes.rewriting import kept, readers, writers
from convgen.model.tensor import Tensor


def quantized_ends(graph: Graph) -> Graph:
    """Drop QUANTIZE after inputs and in front of outputs, and DEQUANTIZE there.

    An input or output then is the tensor behind it.
    """
    inputs, first = _inputs(graph)
    outputs, last = _outputs(graph)
    dropped = first | last
    left = tuple(operator for operator in graph.operators if operator.name not in dropped)
    return replace(graph, operators=left, inputs=inputs, outputs=outputs)


def _converts(operator: Operator) -> bool:
    is_table = isinstance(operator, Table) and operator.kind == "quantize"
    return is_table or isinstance(operator, Quantize | Dequantize)


def _inputs(graph: Graph) -> tuple[tuple[Tensor, ...], set[str]]:
    found = readers(graph)
    tensors, dropped = [], set[str]()
    for tensor in graph.inputs:
        reads = found[tensor.name]
        alone = len(reads) == 1 and tensor.name not in kept(graph)
        if alone and _converts(reads[0]) and reads[0].outputs[0].name not in kept(graph):
            dropped.add(reads[0].name)
            tensors.append(replace(reads[0].outputs[0], shape=tensor.shape))
        else:
            tensors.append(tensor)
    return tuple(tensors), dropped


def _outputs(graph: Graph) -> tuple[tuple[Tensor, ...], set[str]]:
    found, written = readers(graph), writers(graph)
    states = {state.new.name for state in graph.states}
    tensors, dropped = [], set[str]()
    for tensor in graph.outputs:
        last = written.get(tensor.name)
        before = None if last is None else last.inputs[0]
        if last is None or before is None or before.name not in written:
            tensors.append(tensor)
        elif _converts(last) and not found[tensor.name] and tensor.name not in states:
            dropped.add(last.name)
            tensors.append(replace(before, shape=tensor.shape))
        else:
            tensors.append(tensor)
    return tuple(tensors), dropped
