"""Frozen values in, text out. The only module that imports jinja2."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import jinja2

from convgen import __version__, cliteral
from convgen.resources import data_dir


@cache
def environment() -> jinja2.Environment:
    """Build the one Jinja environment; templates/README.md tells its rules."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(data_dir("templates")),
        autoescape=False,  # noqa: S701 - the output is C, not HTML
        undefined=jinja2.StrictUndefined,
        line_statement_prefix="%%",
        line_comment_prefix="%#",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    env.filters.update(cliteral.FILTERS)
    env.globals["convgen_version"] = __version__
    return env


def render_text(template: str, **context: Any) -> str:
    """Print one template, tidied."""
    return tidy(environment().get_template(template).render(**context))


def tidy(text: str) -> str:
    """Strip line ends, keep at most one empty line in a row, none at the start or a brace."""
    text = re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)
    text = re.sub(r"\n{3,}", "\n\n", text).strip("\n") + "\n"
    text = re.sub(r"\{\n\n", "{\n", text)
    return re.sub(r"\n\n(\s*\})", r"\n\1", text)
