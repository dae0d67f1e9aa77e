"""Frozen values in, text out. The only module that imports jinja2."""

from __future__ import annotations

import functools
import re
import sys
from typing import Any

import jinja2
from jinja2.bccache import Bucket

from convgen import __version__
from convgen.ctext import assembler, expressions, literals
from convgen.ctext.expressions import NOTHING
from convgen.resources import data_dir
from convgen.system import cache

_SYNTAX: dict[str, Any] = {
    "line_statement_prefix": "%%",
    "line_comment_prefix": "%#",
    "trim_blocks": True,
    "lstrip_blocks": True,
    "keep_trailing_newline": True,
}


def _finalized(value: Any) -> Any:
    return NOTHING if type(value) is jinja2.Undefined else value


class _Compiled(jinja2.BytecodeCache):
    """Compiled templates in the cache."""

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill *bucket* with what was kept of its template."""
        kept = cache.load(self._key(bucket))
        if kept is not None:
            bucket.bytecode_from_string(kept)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what *bucket* holds."""
        cache.store(self._key(bucket), bucket.bytecode_to_string())

    def _key(self, bucket: Bucket) -> str:
        made_by = (jinja2.__version__, sys.version, __version__, _SYNTAX, sorted(literals.FILTERS))
        return cache.key("template", bucket.key, bucket.checksum, made_by)


@functools.cache
def environment() -> jinja2.Environment:
    """Build the one Jinja environment; templates/README.md tells its rules."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(data_dir("templates")),
        bytecode_cache=_Compiled(),
        autoescape=False,  # noqa: S701 - the output is C, not HTML
        undefined=jinja2.StrictUndefined,
        finalize=_finalized,
        **_SYNTAX,
    )
    env.filters.update(literals.FILTERS, assembled=assembler.function)
    env.globals.update(convgen_version=__version__, expr=expressions, asm=assembler)
    return env


def render_text(template: str, **context: Any) -> str:
    """Print one template, tidied."""
    return tidy(environment().get_template(template).render(**context))


def render_html(template: str, **context: Any) -> str:
    """Print a template of HTML, in which nothing of *context* is taken for markup."""
    html = environment().overlay(autoescape=True)
    return _without_nothing(html.get_template(template).render(**context))


def tidy(text: str) -> str:
    """Drop lines of nothing, strip line ends, keep one empty line in a row, none at a brace."""
    text = "\n".join([line.rstrip(" \t") for line in _without_nothing(text).split("\n")])
    text = re.sub(r"\n\n\n+", "\n\n", text).strip("\n") + "\n"
    text = text.replace("{\n\n", "{\n")
    return re.sub(r"\n\n(\s*\})", r"\n\1", text)


def _without_nothing(text: str) -> str:
    """Drop lines of nothing, and nothing amid others."""
    lines = text.split("\n")
    kept = [line for line in lines if NOTHING not in line or line.strip(f" \t{NOTHING}")]
    return "\n".join(kept).replace(NOTHING, "")
