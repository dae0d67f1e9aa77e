"""What a kind of build system wants beside the C: ``templates/packages/KIND`` as it stands there.

The name of a template is that of the file, ``NAME`` in it the package's: that of the layer or
network, or what several are called.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from convgen.choices import Package
from convgen.resources import data_dir
from convgen.sources.generate import file_names, source_names
from convgen.sources.render import render_text
from convgen.system.publishing import SHARED

_TEMPLATES = "packages"
_SEVERAL = ".several.j2"
"""Ends a template of what only a package of several has."""
_NAMED = re.compile(r"\b(\w+?)(?:_weights)?\.[ch]\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What is in a package called ``name``, all paths within it.

    ``include`` is the header that users name, ``folders`` are where headers lie.
    """

    name: str
    include: str
    folders: tuple[str, ...]
    sources: tuple[str, ...]
    headers: tuple[str, ...]
    several: bool = False


def of_one(name: str) -> Contents:
    """Return what is packed of the layer or network *name*, in its own folder."""
    return Contents(
        name=name,
        include=f"{name}.h",
        folders=(".",),
        sources=source_names(name),
        headers=_headers(name),
    )


def of_several(name: str, parts: Sequence[str]) -> Contents:
    """Return what is packed of *parts*, each in a folder of its own, and their header."""
    include = f"{name}{SHARED}"
    return Contents(
        name=name,
        include=include,
        folders=(".", *parts),
        sources=tuple(f"{part}/{file}" for part in parts for file in source_names(part)),
        headers=(include, *(f"{part}/{file}" for part in parts for file in _headers(part))),
        several=True,
    )


def package_names(kind: Package, contents: Contents) -> tuple[str, ...]:
    """Return the files that *kind* wants beside *contents*."""
    return tuple(_templates(kind, contents))


def package_files(kind: Package, contents: Contents, optimization: str) -> dict[str, str]:
    """Return these files, for sources that are compiled with the option *optimization*."""
    return {
        file: render_text(template, package=contents, optimization=optimization)
        for file, template in _templates(kind, contents).items()
    }


def packed(texts: Iterable[str]) -> set[str]:
    """Return the layers and networks that the files of a package, *texts*, name."""
    named = {name for text in texts for name in _NAMED.findall(text)}
    return {name for name in named if not f"{name}.h".endswith(SHARED)}


def _headers(name: str) -> tuple[str, ...]:
    sources = source_names(name)
    return tuple(file for file in file_names(name) if file not in sources)


def _templates(kind: Package, contents: Contents) -> Mapping[str, str]:
    root = data_dir("templates")
    folder: Path = root / _TEMPLATES / kind
    return {
        _file(path.relative_to(folder).as_posix(), contents.name): path.relative_to(root).as_posix()
        for path in sorted(folder.rglob("*.j2"))
        if contents.several or not path.name.endswith(_SEVERAL)
    }


def _file(template: str, name: str) -> str:
    return template.removesuffix(_SEVERAL).removesuffix(".j2").replace("NAME", name)
