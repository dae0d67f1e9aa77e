"""One function for operators of a network whose C is equal but for numbers and constants.

What differs becomes a field of a struct, of which each operator has one in flash: a macro is then
the field of that struct, and each function that needs it takes a pointer to it. What is assembly,
or the size of an array, must be equal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from convgen.ctext.identifiers import INFIX
from convgen.ctext.literals import ctype, macro
from convgen.ctext.tokens import NUMBERS, Source, closing
from convgen.plans.constant import Constant
from convgen.sources.render import render_text

OWN = "own"  # what functions call the numbers and constants of their operator
KERNEL = "this_kernel"  # stands for an operator's name while texts are compared


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """An operator's functions as C: all symbols begin with ``symbol``; a comment above them."""

    symbol: str
    comment: Sequence[str]
    text: str
    constants: tuple[Constant, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelEntry:
    """The function that does an operator, and what it takes beside tensors and workspace."""

    function: str
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """The functions of a network, each once, and by operators' symbols which does them."""

    texts: tuple[Mapping[str, Any], ...]
    entries: Mapping[str, KernelEntry]
    any: bool = False


def apart(operators: Iterable[Printed]) -> Shared:
    """Return the functions of each operator for itself."""
    return _collected([_alone(operator) for operator in operators])


def share(operators: Sequence[Printed], network: str) -> Shared:
    """Return the functions of *network*, those that are equal but for what differs once."""
    groups: dict[Any, list[_NamelessForm]] = {}
    for operator in operators:
        form = _NamelessForm(operator)
        groups.setdefault(form.key, []).append(form)
    done, number = [], 0
    for forms in groups.values():
        kernel = f"{network}{INFIX}kernel_{number}"
        merged = _Merged(tuple(forms), kernel) if len(forms) > 1 else None
        if merged and merged.is_possible:
            number += 1
            done.append((merged.described, merged.entries))
        else:
            done += [_alone(form.operator) for form in forms]
    return _collected(done, shared=number > 0)


_Done = tuple[Mapping[str, Any], Mapping[str, KernelEntry]]


def _alone(operator: Printed) -> _Done:
    described = {"comment": operator.comment, "text": operator.text}
    return described, {operator.symbol: KernelEntry(function=operator.symbol)}


def _collected(done: Sequence[_Done], *, shared: bool = False) -> Shared:
    return Shared(
        texts=tuple(described for described, _ in done),
        entries={symbol: entry for _, entries in done for symbol, entry in entries.items()},
        any=shared,
    )


@dataclass(frozen=True, eq=False)
class _NamelessForm:
    """An operator's C under a name that stands for its own, so that texts can be compared."""

    operator: Printed

    @cached_property
    def source(self) -> Source:
        """The tokens of the text."""
        return Source.of(_renamed(self.operator.text, self.operator.symbol, KERNEL))

    @cached_property
    def key(self) -> tuple[Any, ...]:
        """What is the same of operators that can share functions."""
        source = self.source
        types = {each.name: ctype(each.values.dtype.name) for each in self.operator.constants}
        return *types.items(), *(
            token.kind if token.kind in NUMBERS and place not in source.rigid else token.text
            for place, token in source.code
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    """A number or a constant in which operators differ: its name, its type, each one's value."""

    name: str
    type: str
    values: tuple[str, ...]

    @property
    def declared(self) -> str:
        """The field as C declares it."""
        return f"{self.type}{'' if self.type.endswith('*') else ' '}{self.name}"


@dataclass(eq=False)
class _Merged:
    """Operators of one form, and the functions that do all of them."""

    forms: tuple[_NamelessForm, ...]
    kernel: str
    fields: dict[tuple[str, tuple[str, ...]], _Field] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Find out what differs, and which functions must know."""
        self.constants = {
            f"{KERNEL}{INFIX}{constant.name}": self._field(
                constant.name,
                f"const {ctype(constant.values.dtype.name)} *",
                tuple(f"{form.operator.symbol}{INFIX}{constant.name}" for form in self.forms),
            )
            for constant in self.forms[0].operator.constants
        }
        self.numbers = dict(self._differing())
        self.knowing = self.source.depending(
            {place for place, token in self.source.code if token.text in self.constants}
            | self.numbers.keys()
        )

    @property
    def source(self) -> Source:
        """The text that is rewritten."""
        return self.forms[0].source

    @property
    def is_possible(self) -> bool:
        """Whether the pointer reaches all that needs it: assembly takes none."""
        source = self.source
        return not any(token.text == OWN for _, token in source.code) and not any(
            function.is_assembly or source.is_pointed_to(function.name)
            for function in source.functions
            if function.name in self.knowing
        )

    @property
    def described(self) -> Mapping[str, Any]:
        """Return the text as the network's file has it."""
        names = [form.operator.comment[0] for form in self.forms]
        own = f"const struct {self.kernel} *{OWN}"
        text = render_text(
            "parts/shared_kernel.c.j2",
            kernel=self.kernel,
            fields=sorted(self.fields.values(), key=_alignment, reverse=True),
            owners=[form.operator.symbol for form in self.forms],
            text=self._text(own),
        )
        about = self.forms[0].operator.comment[1:]
        return {"comment": [", ".join(names), *about], "text": text}

    @property
    def entries(self) -> Mapping[str, KernelEntry]:
        """Return how each operator is called."""
        takes = KERNEL in self.knowing
        return {
            form.operator.symbol: KernelEntry(
                function=self.kernel,
                arguments=(f"&{form.operator.symbol}{INFIX}{OWN}",) if takes else (),
            )
            for form in self.forms
        }

    def _differing(self) -> Iterable[tuple[int, _Field]]:
        """Yield the places of numbers that differ, and the field that each becomes."""
        columns = zip(*(form.source.code for form in self.forms), strict=True)
        for column in columns:
            place, token = column[0]
            values = tuple(each.text for _, each in column)
            if token.kind in NUMBERS and len(set(values)) > 1:
                defined = self.source.defined_by(place)
                name = defined.removeprefix(f"{macro(KERNEL)}{INFIX}").lower() if defined else ""
                yield place, self._field(name or "number", _type(token.kind, values), values)

    def _field(self, name: str, type_: str, values: tuple[str, ...]) -> _Field:
        """Return the field with *values*, new or as there is one."""
        known = self.fields.get((type_, values))
        if known is None:
            taken = {each.name for each in self.fields.values()}
            names = (name, *(f"{name}_{number}" for number in range(2, len(taken) + 3)))
            free = next(each for each in names if each not in taken)
            known = _Field(name=free, type=type_, values=values)
            self.fields[type_, values] = known
        return known

    def _text(self, own: str) -> str:
        """Return the functions, which take *own*, under the kernel's name."""
        tokens = [token.text for token in self.source.tokens]
        for place, each in self.numbers.items():
            tokens[place] = f"{OWN}->{each.name}"
        for place, token in self.source.code:
            if token.text in self.constants:
                tokens[place] = f"{OWN}->{self.constants[token.text].name}"
        for place, is_defined in self.source.calls(self.knowing):
            end = closing(self.source.tokens, place)
            tokens[end] = f", {own if is_defined else OWN}{tokens[end]}"
        return _renamed("".join(tokens), KERNEL, self.kernel)


def _renamed(text: str, old: str, new: str) -> str:
    """Return *text* with symbols and macros that begin with *new* instead of *old*."""
    for before, after in ((old, new), (macro(old), macro(new))):
        text = re.sub(rf"\b{before}(?={INFIX}|_rows\b|\b)", after, text)
    return text


def _type(kind: str, values: Sequence[str]) -> str:
    """Return the smallest type whose values behave as the literals do."""
    if kind != "int":
        return {"unsigned": "uint32_t", "float": "float"}[kind]
    numbers = [int(value.strip("()"), 0) for value in values]
    for bits in (8, 16):
        if min(numbers) >= 0 and max(numbers) < 2**bits:
            return f"uint{bits}_t"
        if -(2 ** (bits - 1)) <= min(numbers) and max(numbers) < 2 ** (bits - 1):
            return f"int{bits}_t"
    return "int32_t"


def _alignment(each: _Field) -> int:
    if "*" in each.type:
        return 8
    return {"8": 1, "16": 2}.get(each.type.strip("uint_"), 4)
