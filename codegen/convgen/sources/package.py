"""What a kind of build system wants beside the C: ``templates/packages/KIND`` as it stands there.

The name of a template is that of the file, ``NAME`` in it the layer's.
"""

from __future__ import annotations

from pathlib import Path

from convgen.choices import Package
from convgen.resources import data_dir
from convgen.sources.generate import file_names, source_names
from convgen.sources.render import render_text

_TEMPLATES = "packages"


def package_names(kind: Package, name: str) -> tuple[str, ...]:
    """Return the files that *kind* wants beside those of the layer or network *name*."""
    return tuple(_templates(kind, name))


def package_files(kind: Package, name: str, optimization: str) -> dict[str, str]:
    """Return these files, for sources that are compiled with the option *optimization*."""
    sources = source_names(name)
    headers = [file for file in file_names(name) if file not in sources]
    return {
        file: render_text(
            template, name=name, sources=sources, headers=headers, optimization=optimization
        )
        for file, template in _templates(kind, name).items()
    }


def _templates(kind: Package, name: str) -> dict[str, str]:
    root = data_dir("templates")
    folder: Path = root / _TEMPLATES / kind
    return {
        path.relative_to(folder).as_posix().removesuffix(".j2").replace("NAME", name): (
            path.relative_to(root).as_posix()
        )
        for path in sorted(folder.rglob("*.j2"))
    }
