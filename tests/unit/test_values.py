"""`convgen.values.dataclass` does what the standard library's does."""

from __future__ import annotations

import ast
import copy
import dataclasses
import inspect
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, field
from pathlib import Path
from typing import Any

import pytest

import convgen
from convgen import values

PACKAGE = Path(convgen.__file__).parent

Define = Callable[..., Callable[[type], type]]


def defined(define: Define, **options: bool) -> dict[str, Any]:
    """Return classes as *define* makes them: all that a field can have, and one that adds to it."""

    @define(frozen=True, **options)
    class Point:
        """A place."""

        x: int
        y: int = 2
        names: list[str] = field(default_factory=list, compare=False)
        made: int = field(init=False, default=7, repr=False)
        kept: dict[str, int] = field(init=False, default_factory=dict, compare=False)

        def __post_init__(self) -> None:
            object.__setattr__(self, "made", self.x + self.y)

    @define(frozen=True, **options)
    class Named(Point):
        """A place with a name."""

        name: str = "a"

    @define(kw_only=True)
    class Open:
        """Not frozen."""

        x: int
        y: int = 1

    @define(frozen=True)
    class Nothing:
        """Without fields."""

    return {"Point": Point, "Named": Named, "Open": Open, "Nothing": Nothing}


Classes = dict[str, Any]
OPTIONS: tuple[dict[str, bool], ...] = (
    {},
    {"slots": True},
    {"kw_only": True},
    {"slots": True, "kw_only": True},
    {"eq": False},
)


@pytest.fixture(params=OPTIONS, ids=lambda options: "_".join(options) or "plain")
def both(request: pytest.FixtureRequest) -> tuple[Classes, Classes]:
    """The same classes as convgen defines them, and as the library does."""
    define: Any = values.dataclass
    return defined(define, **request.param), defined(dataclasses.dataclass, **request.param)


def test_it_is_built_and_shown_as_the_library_s(both: tuple[Classes, Classes]) -> None:
    for made in ({"x": 1}, {"x": 1, "y": 5, "names": ["n"]}):
        for name in ("Point", "Named"):
            ours, theirs = (classes[name](**made) for classes in both)
            assert repr(ours) == repr(theirs)
            assert dataclasses.asdict(ours) == dataclasses.asdict(theirs)
            assert repr(dataclasses.replace(ours, y=9)) == repr(dataclasses.replace(theirs, y=9))
    for name in ("Point", "Named", "Open", "Nothing"):
        ours, theirs = (classes[name] for classes in both)
        assert str(inspect.signature(ours)).count("=") == str(inspect.signature(theirs)).count("=")
        assert list(inspect.signature(ours).parameters) == list(
            inspect.signature(theirs).parameters
        )
        assert [p.kind for p in inspect.signature(ours).parameters.values()] == [
            p.kind for p in inspect.signature(theirs).parameters.values()
        ]


def test_what_is_missing_or_too_much_is_named_as_by_the_library(
    both: tuple[Classes, Classes],
) -> None:
    for wrong in ({}, {"x": 1, "z": 2}, {"x": 1, "made": 3}):
        said = []
        for classes in both:
            with pytest.raises(TypeError) as caught:
                classes["Point"](**wrong)
            said.append(str(caught.value))
        assert said[0] == said[1]


def test_it_is_equal_and_hashed_as_the_library_s(both: tuple[Classes, Classes]) -> None:
    for classes in both:
        one, same, other = (classes["Point"](x=x, names=[str(x)]) for x in (1, 1, 2))
        differs = classes["Named"](x=1)
        compares = classes["Point"].__eq__ is not object.__eq__
        assert (one == same) is compares
        assert (hash(one) == hash(same)) is compares
        assert one != other
        assert one != differs
        assert classes["Nothing"]() == classes["Nothing"]()
        assert classes["Open"](x=1) == classes["Open"](x=1)
        with pytest.raises(TypeError, match="unhashable"):
            hash(classes["Open"](x=1))


def test_factories_make_one_for_each(both: tuple[Classes, Classes]) -> None:
    ours, _ = both
    one, other = ours["Point"](x=1), ours["Point"](x=1)
    assert one.names is not other.names
    assert one.kept is not other.kept


def test_only_what_is_frozen_cannot_change(both: tuple[Classes, Classes]) -> None:
    ours, _ = both
    point, opened = ours["Point"](x=1), ours["Open"](x=1)
    with pytest.raises(FrozenInstanceError, match="field 'x'"):
        point.x = 2
    with pytest.raises(FrozenInstanceError, match="field 'x'"):
        del point.x
    opened.x = 2
    assert opened.x == 2


def test_the_library_s_may_add_to_it_and_it_to_the_library_s(both: tuple[Classes, Classes]) -> None:
    ours, theirs = both
    added: list[Any] = [
        define(frozen=True, kw_only=True)(type("Added", (base,), {"__annotations__": {"z": "int"}}))
        for define, base in (
            (dataclasses.dataclass, ours["Point"]),
            (values.dataclass, theirs["Point"]),
        )
    ]
    for cls in added:
        assert dataclasses.asdict(cls(x=1, z=3)) == dataclasses.asdict(theirs["Point"](x=1)) | {
            "z": 3
        }


def test_it_is_copied(both: tuple[Classes, Classes]) -> None:
    ours, _ = both
    point = ours["Point"](x=1, names=["n"])
    deep = copy.deepcopy(point)
    assert repr(deep) == repr(point) == repr(copy.copy(point))
    assert deep.names is not point.names


def test_it_is_pickled() -> None:
    size = convgen.PlanOptions(ram="64k")
    assert pickle.loads(pickle.dumps(size)) == size  # noqa: S301


def test_a_constructor_is_compiled_when_it_is_needed() -> None:
    define: Any = values.dataclass

    @define(frozen=True)
    class Seldom:
        """Made seldom."""

    assert not inspect.isfunction(vars(Seldom)["__init__"])
    Seldom()
    assert inspect.isfunction(vars(Seldom)["__init__"])


def test_no_module_defines_one_by_the_library() -> None:
    found = [
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        and node.module == "dataclasses"
        and any(alias.name == "dataclass" for alias in node.names)
    ]
    assert found == ["values.py"]
