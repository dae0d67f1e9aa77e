"""Generated C as tokens: enough of C to tell which functions and macros need what."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

NUMBERS = frozenset({"int", "unsigned", "float"})
ASSEMBLY = "ASSEMBLY"  # is defined where assembly is compiled instead of C

_TOKEN = re.compile(
    r"""(?P<comment>/\*.*?\*/)
    | (?P<define>^\#define[ ]\w+)
    | (?P<directive>^[ ]*\#(?:\\\n|[^\n])*)
    | (?P<string>"(?:\\.|[^"\\])*")
    | (?P<space>(?:\s|\\\n)+)
    | (?P<name>[A-Za-z_]\w*)
    | (?P<number>\(-\d\w*(?:\.\w+)?\)|-?(?:0x[0-9a-f]+u?|\d[\w.]*(?:(?<=e)[-+]?\d+f?)?))
    | (?P<other>->|\+\+|--|.)""",
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
_KINDS = {
    "int": re.compile(r"0x[0-9a-f]+|\d+"),
    "unsigned": re.compile(r"(?:0x[0-9a-f]+|\d+)u"),
    "float": re.compile(r"\d[\d.]*(?:e[-+]?\d+)?f"),
}
_BEFORE_SIGN = frozenset({*"=(,<>?:+-*/&|[{", "return"})


class Token(NamedTuple):
    """A token; ``kind`` is a group of the expression above, or which kind of number."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A function's definition: the places of its name and its body."""

    name: str
    place: int
    body: range
    is_assembly: bool


class Source:
    """The tokens of a text; a place is a token's index."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        """Keep *tokens*."""
        self.tokens = tuple(tokens)

    @classmethod
    def of(cls, text: str) -> Source:
        """Return the tokens of *text*."""
        return cls(tuple(_tokens(text)))

    @cached_property
    def code(self) -> tuple[tuple[int, Token], ...]:
        """The tokens that are no comments and no space, with their places."""
        return tuple(
            (place, token)
            for place, token in enumerate(self.tokens)
            if token.kind not in ("comment", "space")
        )

    @cached_property
    def defines(self) -> Mapping[str, range]:
        """The places of the bodies of macros."""
        found = {}
        for place, token in enumerate(self.tokens):
            if token.kind == "define":
                end = place + 1
                while end < len(self.tokens) and not _ends_line(self.tokens[end]):
                    end += 1
                found[token.text.split()[1]] = range(place + 1, end)
        return found

    @cached_property
    def functions(self) -> tuple[Definition, ...]:
        """The functions that are defined."""
        inside = {place for body in self.defines.values() for place in body}
        depth, found = 0, []
        for place, token in self.code:
            if token.text == "{" and place not in inside:
                depth += 1
            elif token.text == "}" and place not in inside:
                depth -= 1
            elif not depth and token.kind == "name" and place not in inside:
                body = self._body(place)
                if body:
                    found.append(
                        Definition(
                            name=token.text,
                            place=place,
                            body=body,
                            is_assembly=place in self.assembly,
                        )
                    )
        return tuple(found)

    @cached_property
    def assembly(self) -> frozenset[int]:
        """The places between a condition of assembly and its end."""
        found: set[int] = set()
        depth = 0
        for place, token in self.code:
            word = token.text.split()[0] if token.kind == "directive" else ""
            if word.startswith("#if") and (depth or ASSEMBLY in token.text):
                depth += 1
            elif word == "#endif" and depth:
                depth -= 1
            if depth:
                found.add(place)
        return frozenset(found)

    @cached_property
    def rigid(self) -> frozenset[int]:
        """The places of numbers that no variable can stand for."""
        places = set(self.assembly)
        for place, token in self.code:
            if token.text == "[":
                inside = range(place + 1, closing(self.tokens, place))
                if all(_is_constant(self.tokens[each]) for each in inside):
                    places.update(inside)
            elif token.text == "case" or token.kind == "directive":
                places.add(self._next(place))
        before = -1
        while before != len(places):
            before = len(places)
            used = {self.tokens[place].text for place in places}
            for name in used & self.defines.keys():
                places.update(self.defines[name])
        return frozenset(places)

    def defined_by(self, place: int) -> str | None:
        """Return the macro that is nothing but the token at *place*."""
        for name, body in self.defines.items():
            if place in body:
                code = [each for each in body if self.tokens[each].kind not in ("comment", "space")]
                return name if code == [place] else None
        return None

    def depending(self, places: Collection[int]) -> frozenset[str]:
        """Return the functions and macros in which one of *places* is, and what uses these."""
        bodies = [*self.defines.items(), *((each.name, each.body) for each in self.functions)]
        found: set[str] = {name for name, body in bodies if any(each in body for each in places)}
        before = -1
        while before != len(found):
            before = len(found)
            found |= {
                name
                for name, body in bodies
                if name not in found and any(self.tokens[each].text in found for each in body)
            }
        return frozenset(found)

    def calls(self, names: Collection[str]) -> Iterator[tuple[int, bool]]:
        """Yield where the arguments of functions of *names* begin; True: where it is defined."""
        definitions = {function.place for function in self.functions}
        for place, token in self.code:
            if token.kind == "name" and token.text in names:
                begin = self._next(place)
                if self.tokens[begin].text == "(":
                    yield begin, place in definitions

    def is_pointed_to(self, name: str) -> bool:
        """Whether function *name* is used otherwise than to be called."""
        return any(
            token.text == name and self.tokens[self._next(place)].text != "("
            for place, token in self.code
        )

    def _next(self, place: int) -> int:
        """Return the place of the code behind *place*, or the last place."""
        for each in range(place + 1, len(self.tokens)):
            if self.tokens[each].kind not in ("comment", "space"):
                return each
        return len(self.tokens) - 1

    def _body(self, place: int) -> range | None:
        """Return the body of the function whose name is at *place*, if it is defined there."""
        begin = self._next(place)
        if self.tokens[begin].text != "(":
            return None
        opening = self._next(closing(self.tokens, begin))
        if self.tokens[opening].text != "{":
            return None
        return range(opening, closing(self.tokens, opening) + 1)


def closing(tokens: Sequence[Token], place: int) -> int:
    """Return where the bracket at *place* is closed. Raises ValueError."""
    opening = tokens[place].text
    ending = {"(": ")", "[": "]", "{": "}"}[opening]
    depth = 0
    for each in range(place, len(tokens)):
        depth += (tokens[each].text == opening) - (tokens[each].text == ending)
        if not depth:
            return each
    raise ValueError(f"a bracket {opening!r} that is never closed")


def _is_constant(token: Token) -> bool:
    return token.kind != "name" or token.text.isupper()


def _ends_line(token: Token) -> bool:
    return token.kind == "space" and "\n" in token.text.replace("\\\n", "")


def _tokens(text: str) -> Iterable[Token]:
    """Yield the tokens of *text*; a sign belongs to a number where nothing is subtracted from."""
    place, before = 0, Token("other", "{")
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None or found.lastgroup is None:
            raise ValueError(f"no C: {text[place : place + 40]!r}")
        token = Token(found.lastgroup, found[0])
        if token.kind == "number":
            token = _number(token.text, before)
        place += len(token.text)
        yield token
        if token.kind not in ("comment", "space"):
            before = token


def _number(text: str, before: Token) -> Token:
    """Return the token that *text*, which looks like a number, is behind *before*."""
    if text[0] == "(" and before.kind != "define":
        return Token("other", "(")
    if text[0] == "-" and before.kind != "define" and before.text not in _BEFORE_SIGN:
        return Token("other", "-")
    bare = text.strip("()-")
    for kind, pattern in _KINDS.items():
        if pattern.fullmatch(bare) and (kind == "float" or int(bare.strip("u"), 0) < 2**31):
            return Token(kind, text)
    return Token("other", text)
