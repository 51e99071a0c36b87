"""Small line charts as SVG, in colours that read on a light and on a dark page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 250, 180
LEFT, TOP, GAP, BOTTOM = 48, 34, 62, 74
INK, GRID = "#7d8590", "#7d859055"
#: Mid tones, each with a dash of its own, for those who do not tell the colours apart.
STROKES = (
    ("#8b949e", "none"),
    ("#a371f7", "6 3"),
    ("#3b8eea", "2 3"),
    ("#1a9c74", "8 3 2 3"),
    ("#c9a227", "12 4"),
)
#: For the last series, which the chart is about.
ACCENT = "#e8590c"


@dataclass(frozen=True)
class Axis:
    """A scale: its first and last value, the ticks with their texts, and whether it is
    logarithmic.
    """

    first: float
    last: float
    ticks: tuple[tuple[float, str], ...]
    logarithmic: bool = False

    def place(self, value: float) -> float:
        """From 0 at the first value to 1 at the last; what lies outside is put on the edge."""
        low, high, at = self.first, self.last, min(max(value, self.first), self.last)
        if self.logarithmic:
            low, high, at = math.log(low), math.log(high), math.log(at)
        return (at - low) / (high - low)


@dataclass(frozen=True)
class Panel:
    """One chart: title, name of the horizontal axis, both axes, and the points of each series in
    the legend's order.
    """

    title: str
    along: str
    x: Axis
    y: Axis
    series: Sequence[Sequence[tuple[float, float]]]


def draw(panels: Sequence[Panel], names: Sequence[str], described: str) -> str:
    """The SVG of some panels side by side, with one legend below.

    Args:
        panels: from left to right.
        names: of the series, the same for every panel; the last is drawn thickest.
        described: what is to be seen, for those who do not see it.
    """
    width = LEFT + len(panels) * (WIDTH + GAP) - GAP + 24
    height = TOP + HEIGHT + BOTTOM
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
            f' width="{width}" height="{height}">'
        ),
        f'<g font-family="system-ui, sans-serif" font-size="12" fill="{INK}">',
        f"<title>{escape(described)}</title>",
    ]
    for number, panel in enumerate(panels):
        parts.append(f'<g transform="translate({LEFT + number * (WIDTH + GAP)} {TOP})">')
        parts += _panel(panel)
        parts.append("</g>")
    step = (width - LEFT) / len(names)
    for number, name in enumerate(names):
        x, y = LEFT + number * step, TOP + HEIGHT + 60
        parts.append(
            f'<line x1="{x:.1f}" y1="{y - 4}" x2="{x + 22:.1f}" y2="{y - 4}"'
            f" {_stroke(number, len(names))}/>"
        )
        parts.append(f'<text x="{x + 28:.1f}" y="{y}">{escape(name)}</text>')
    return "\n".join([*parts, "</g>", "</svg>", ""])


def _panel(panel: Panel) -> list[str]:
    parts = [f'<text x="0" y="-14" font-size="13" font-weight="600">{escape(panel.title)}</text>']
    for value, text in panel.y.ticks:
        y = HEIGHT * (1 - panel.y.place(value))
        parts.append(f'<line x1="0" y1="{y:.1f}" x2="{WIDTH}" y2="{y:.1f}" stroke="{GRID}"/>')
        parts.append(f'<text x="-6" y="{y + 4:.1f}" text-anchor="end">{escape(text)}</text>')
    for value, text in panel.x.ticks:
        x = WIDTH * panel.x.place(value)
        parts.append(
            f'<line x1="{x:.1f}" y1="{HEIGHT}" x2="{x:.1f}" y2="{HEIGHT + 4}" stroke="{INK}"/>'
        )
        parts.append(
            f'<text x="{x:.1f}" y="{HEIGHT + 17}" text-anchor="middle">{escape(text)}</text>'
        )
    parts.append(
        f'<text x="{WIDTH / 2:.0f}" y="{HEIGHT + 34}" text-anchor="middle">'
        f"{escape(panel.along)}</text>"
    )
    for number, points in enumerate(panel.series):
        places = [(WIDTH * panel.x.place(x), HEIGHT * (1 - panel.y.place(y))) for x, y in points]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(
            f'<polyline points="{line}" fill="none" {_stroke(number, len(panel.series))}/>'
        )
    return parts


def _stroke(number: int, of: int) -> str:
    if number == of - 1:
        return f'stroke="{ACCENT}" stroke-width="3" stroke-linejoin="round"'
    colour, dash = STROKES[number]
    return f'stroke="{colour}" stroke-width="1.8" stroke-linejoin="round" stroke-dasharray="{dash}"'
