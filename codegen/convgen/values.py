"""`dataclass` as the standard library has it, at a fraction of the time to define one.

The library's compiles half a dozen functions for each class, of which convgen has two hundred, and
of most a run makes no value: a fifth of the CPU time of a small layer. Here methods are shared, and
a constructor is compiled when the first value is made.
"""

from __future__ import annotations

import dataclasses
from dataclasses import MISSING, Field, FrozenInstanceError, fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(cls=None, /, **options):
        """Define *cls*; of the library's options those of `_defined`."""
        return _defined(cls, **options) if cls else lambda cls: _defined(cls, **options)


def _defined(
    cls: type, *, frozen: bool = False, eq: bool = True, slots: bool = False, kw_only: bool = False
) -> type:
    bases = (getattr(base, "__dataclass_params__", None) for base in cls.__mro__[1:])
    define = dataclasses.dataclass(
        init=False,
        repr=False,
        eq=False,
        frozen=any(base.frozen for base in bases if base),  # the library insists on it
        slots=slots,
        kw_only=kw_only,
    )
    made: Any = define(cls)
    made.__dataclass_params__.frozen = frozen
    made.__init__ = _Constructor(made, frozen=frozen)
    made.__repr__ = _as_text
    if eq:
        made._compared = attrgetter("__class__", *(f.name for f in fields(made) if f.compare))
        made.__eq__ = _equal
        made.__hash__ = _hash if frozen else None
    if frozen:
        made.__setattr__ = made.__delattr__ = _refuse
        made.__getstate__, made.__setstate__ = _state, _restore
    return made  # type: ignore[no-any-return]


class _Constructor:
    """In place of a constructor, until there is one."""

    def __init__(self, owner: type, *, frozen: bool) -> None:
        self.owner, self.frozen = owner, frozen

    def __get__(self, value: object, cls: type) -> Any:
        """Return the constructor, bound to *value* if there is one."""
        owner: Any = self.owner
        init = owner.__init__ = _constructor(owner, frozen=self.frozen)
        return init.__get__(value, cls)


def _constructor(cls: Any, *, frozen: bool) -> Any:
    """Compile the constructor of *cls*."""
    names: dict[str, Any] = {"_set": object.__setattr__, "_missing": MISSING}
    parameters, lines = ["self"], ["pass"]
    for field in sorted(fields(cls), key=lambda field: field.kw_only is True):
        if field.init and field.kw_only and "*" not in parameters:
            parameters.append("*")
        parameters += [_parameter(field, names)] if field.init else []
        if value := _kept(field, names):
            name = field.name
            lines.append(f"_set(self, {name!r}, {value})" if frozen else f"self.{name} = {value}")
    if hasattr(cls, "__post_init__"):
        lines.append("self.__post_init__()")
    exec(f"def __init__({', '.join(parameters)}):\n " + "\n ".join(lines), names)  # noqa: S102
    init = names["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    return init


def _parameter(field: Field[Any], names: dict[str, Any]) -> str:
    if field.default_factory is not MISSING:
        return f"{field.name}=_missing"
    if field.default is MISSING:
        return field.name
    names[f"_{field.name}"] = field.default
    return f"{field.name}=_{field.name}"


def _kept(field: Field[Any], names: dict[str, Any]) -> str:
    """Return the expression of what *field* keeps, nothing where that is what the class has."""
    if field.default_factory is MISSING:
        return field.name if field.init else ""
    names[f"_make_{field.name}"] = field.default_factory
    made = f"_make_{field.name}()"
    return f"{made} if {field.name} is _missing else {field.name}" if field.init else made


def _as_text(self: Any) -> str:
    shown = ", ".join(f"{f.name}={getattr(self, f.name)!r}" for f in fields(self) if f.repr)
    return f"{type(self).__qualname__}({shown})"


def _equal(self: Any, other: Any) -> Any:
    if type(self) is not type(other):
        return NotImplemented
    return type(self)._compared(self) == type(self)._compared(other)


def _hash(self: Any) -> int:
    return hash(type(self)._compared(self))


def _refuse(self: object, name: str, *_value: object) -> None:
    raise FrozenInstanceError(f"cannot assign to or delete field {name!r} of {type(self).__name__}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, f.name) for f in fields(self)]


def _restore(self: Any, state: list[Any]) -> None:
    for field, value in zip(fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)
