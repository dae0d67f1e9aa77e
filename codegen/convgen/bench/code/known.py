"""What a program takes, found once: what was measured of the same before is kept.

Elftools and what reads machine code are loaded only where something is new.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from convgen import __version__
from convgen.bench.build.compilers import Toolchain
from convgen.bench.build.toolchain import Image, Objects
from convgen.bench.code.sizes import Sizes
from convgen.system import cache


def static_bytes(objects: Objects) -> int:
    """Return the bytes of RAM that the layer's own variables take, alignment included."""

    def measured() -> int:
        from convgen.bench.code import measure

        return measure.static_bytes(objects)

    return cache.value(cache.key("static", _measured_by(), _contents(objects, ".o")), measured)


def sizes(image: Image, toolchain: Toolchain) -> Sizes:
    """Return what *image* takes."""

    def measured() -> dict[str, Any]:
        from convgen.bench.code import measure

        return asdict(measure.measure(image, toolchain))

    objects, elf = image.objects, cache.digest(image.elf.read_bytes())
    contents = (elf, _contents(objects, ".o"), _contents(objects, ".su"), image.call.functions)
    return Sizes(**cache.value(cache.key("sizes", _measured_by(), toolchain, contents), measured))


def _measured_by() -> tuple[str, ...]:
    return __version__, *cache.of_modules(Path(__file__).parent)


def _contents(objects: Objects, suffix: str) -> list[tuple[str, str]]:
    """Return the names and digests of the layer's and the firmware's files of one kind."""
    made = (*objects.layer, *objects.firmware)
    paths = (path.removesuffix(".o") + suffix for path in made)
    found = ((path, objects.digest(path)) for path in paths)
    return [(path, digest) for path, digest in found if digest]  # of assembly no stack usage
