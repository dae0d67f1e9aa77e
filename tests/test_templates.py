"""Templates print, they do not compute: read from their syntax trees."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest
from jinja2 import nodes

from convgen.choices import PACKAGES
from convgen.plans.kernels import SETS
from convgen.resources import data_dir
from convgen.sources.render import environment, render_html, render_text, tidy

TEMPLATES = sorted(
    str(path.relative_to(data_dir("templates"))) for path in data_dir("templates").rglob("*.j2")
)
ARITHMETIC = (nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow)


MOST_CONTROL = 0.25  # of all lines that are not empty


def source(name: str) -> str:
    return (data_dir("templates") / name).read_text()


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_does_no_arithmetic(name: str) -> None:
    tree = environment().parse(source(name))
    found = [node.lineno for kind in ARITHMETIC for node in tree.find_all(kind)]
    assert not found, f"{name}: arithmetic at lines {found}"


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_compares_no_sizes(name: str) -> None:
    tree = environment().parse(source(name))
    orders = [
        operand.op
        for compare in tree.find_all(nodes.Compare)
        for operand in compare.ops
        if operand.op in ("gt", "gteq", "lt", "lteq")
    ]
    assert not orders


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_is_short(name: str) -> None:
    lines = source(name).splitlines()
    assert len(lines) < 200
    assert max(map(len, lines)) <= 140


def test_a_name_that_does_not_exist_fails_while_generating(monkeypatch: pytest.MonkeyPatch) -> None:
    loader = jinja2.DictLoader({"typo": "{{ sise }}"})
    monkeypatch.setattr(environment(), "loader", loader)
    with pytest.raises(jinja2.UndefinedError, match="sise"):
        render_text("typo")


def test_tidy_strips_line_ends_and_doubled_empty_lines() -> None:
    assert tidy("\n\na {\n\n  b  \n\n\n\nc\n\n}\n\n\n") == "a {\n  b\n\nc\n}\n"


def test_what_does_not_hold_leaves_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    loader = jinja2.DictLoader(
        {"lines": 'a\n    {{ "b" if no }}\n{{ "c" if yes }}({{ "d" if no }})\n'}
    )
    monkeypatch.setattr(environment(), "loader", loader)
    assert render_text("lines", yes=True, no=False) == "a\nc()\n"


def test_each_line_of_markup_escapes_what_it_is_of(monkeypatch: pytest.MonkeyPatch) -> None:
    loader = jinja2.DictLoader(
        {"list": """{{ expr.each(of, '<li title="{it}">{it}' | safe) }}\n"""}
    )
    monkeypatch.setattr(environment(), "loader", loader)
    assert render_html("list", of=["<b>", '"&']) == (
        '<li title="&lt;b&gt;">&lt;b&gt;\n<li title="&#34;&amp;">&#34;&amp;\n'
    )
    assert not render_html("list", of=[])


def test_templates_are_mostly_what_they_print() -> None:
    lines = [line.strip() for name in TEMPLATES for line in source(name).splitlines()]
    lines = [line for line in lines if line]
    control = [line for line in lines if line.startswith(("{%", "%%"))]
    assert len(control) <= MOST_CONTROL * len(lines)


def test_every_template_is_in_the_folder_of_its_kind() -> None:
    packages = {Path(name).parts[1] for name in TEMPLATES if name.startswith("packages/")}
    assert packages == set(PACKAGES)
    others = [name for name in TEMPLATES if not name.startswith("packages/")]
    kinds = {Path(name).parent.as_posix() for name in others}
    sets = {f"kernels/{module}" for _, module, _ in SETS}
    assert kinds - sets == {".", "algorithms", "kernels", "operators", "parts", "report"}
