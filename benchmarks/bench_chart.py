"""The chart of docs/performance.md: bars of ratios, as SVG that suits light and dark pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

WIDTH, LEFT, TOP, SCALE = 760, 110, 56, 560  # SCALE: pixels of the greatest ratio
BAR, GAP = 9, 10
STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #24292f }
  .number { font-size: 9px }
  .grid { stroke: #d0d7de }
  .one { stroke: #24292f; stroke-dasharray: 4 3 }
  .series0 { fill: #0969da }
  .series1 { fill: #bf8700 }
  .series2 { fill: #1a7f37 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .grid { stroke: #30363d }
    .one { stroke: #e6edf3 }
    .series0 { fill: #58a6ff }
    .series1 { fill: #d29922 }
    .series2 { fill: #3fb950 }
  }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Groups of bars: for each row one ratio of each series, by its title, where there is one."""

    title: str
    rows: tuple[str, ...]
    series: Mapping[str, Mapping[str, float]]

    @property
    def group(self) -> int:
        """The height of a row."""
        return BAR * len(self.series) + GAP

    @property
    def bottom(self) -> int:
        """Where the last row ends."""
        return TOP + self.group * len(self.rows)

    @property
    def largest(self) -> float:
        """The greatest ratio, at least 1."""
        return max([1.0, *(ratio for found in self.series.values() for ratio in found.values())])

    @property
    def scale(self) -> float:
        """Pixels of the ratio 1."""
        return SCALE / self.largest


def svg(chart: Chart) -> str:
    """Return the text of the file."""
    height = chart.bottom + 24
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{chart.title}</title>",
        f"<style>{STYLE}</style>",
        *_legend(chart),
        *_grid(chart),
        *_bars(chart),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _legend(chart: Chart) -> Iterator[str]:
    yield f'<text x="{LEFT}" y="16">{chart.title}</text>'
    for index, title in enumerate(chart.series):
        x = LEFT + 190 * index
        yield f'<rect class="series{index}" x="{x}" y="27" width="10" height="10"/>'
        yield f'<text x="{x + 15}" y="36">{title}</text>'


def _grid(chart: Chart) -> Iterator[str]:
    for quarters in range(int(4 * chart.largest) + 1):
        x = LEFT + chart.scale * quarters / 4
        kind = "one" if quarters == 4 else "grid"
        yield f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{chart.bottom}"/>'
        label = f"{quarters / 4:g}"
        yield f'<text x="{x:.1f}" y="{chart.bottom + 16}" text-anchor="middle">{label}</text>'


def _bars(chart: Chart) -> Iterator[str]:
    for row, name in enumerate(chart.rows):
        top = TOP + chart.group * row + GAP // 2
        middle = top + BAR * len(chart.series) // 2 + 4
        yield f'<text x="{LEFT - 8}" y="{middle}" text-anchor="end">{name}</text>'
        for index, found in enumerate(chart.series.values()):
            if name in found:
                yield from _bar(chart, index, top + BAR * index, found[name])


def _bar(chart: Chart, index: int, y: int, value: float) -> Iterator[str]:
    width = chart.scale * value
    yield (
        f'<rect class="series{index}" x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR - 1}"/>'
    )
    x = LEFT + width + 4
    yield f'<text class="number" x="{x:.1f}" y="{y + BAR - 1}">{value:.2f}</text>'
