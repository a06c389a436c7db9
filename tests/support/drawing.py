"""Draws a graph without circles as SVG: boxes in layers, arrows downwards. Pictures of the documents are made by it.

Long arrows bend around boxes at points of their own in each layer between.
"""

from collections.abc import Mapping
from html import escape
from itertools import pairwise
from math import fsum

Arrows = Mapping[str, set[str]]
Point = tuple[float, float]

ROW, GAP, HIGH, LETTER = 74, 6, 26, 7.3
SWEEPS = 24
STYLE = (
    "text{font:12px ui-monospace,Menlo,Consolas,monospace;fill:#12302d;text-anchor:middle}"
    "rect{fill:#e3f2f0;stroke:#00695c}path{fill:none;stroke:#5c7a77}.card{fill:#fbfdfd;stroke:#cfdedc}"
    "marker path{fill:#5c7a77;stroke:none}"
)
ARROW_HEAD = (
    '<marker id="a" viewBox="0 0 8 8" refX="2" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path d="M0,0L8,4L0,8z"/></marker>'
)


def layers_of(arrows: Arrows) -> dict[str, int]:
    """How far below the top each box is: one more than the lowest that points to it."""
    depth = dict.fromkeys(arrows, 0)
    for _ in arrows:
        for start, ends in arrows.items():
            for end in ends:
                depth[end] = max(depth[end], depth[start] + 1)
    return depth


def routes(arrows: Arrows, depth: Mapping[str, int]) -> list[list[str]]:
    """Each arrow as the boxes and points that it leads along; a point has a name that no box has."""
    return [
        [start, *(f"{start}>{end}>{level}" for level in range(depth[start] + 1, depth[end])), end]
        for start in sorted(arrows)
        for end in sorted(arrows[start])
    ]


def placed(rows: list[list[str]], ways: list[list[str]], width: Mapping[str, float]) -> dict[str, float]:
    """The middle of everything: near to what it is connected with, in the order that this gives in its row."""
    near: dict[str, list[str]] = {name: [] for row in rows for name in row}
    for way in ways:
        for one, other in pairwise(way):
            near[one].append(other)
            near[other].append(one)
    x = {name: float(place * 90) for row in rows for place, name in enumerate(row)}
    for sweep in range(SWEEPS):
        for row in rows if sweep % 2 else reversed(rows):
            wish = {name: fsum(x[other] for other in near[name]) / max(len(near[name]), 1) for name in row}
            row.sort(key=lambda name: (wish[name], name))
            spread(row, wish, width, x)
    return x


def spread(row: list[str], wish: Mapping[str, float], width: Mapping[str, float], x: dict[str, float]) -> None:
    """Give the boxes of a row their places: at least a gap apart, and on average where they wish to be."""
    edge = float("-inf")
    for name in row:
        x[name] = max(wish[name], edge + width[name] / 2)
        edge = x[name] + width[name] / 2 + GAP
    shift = fsum(wish[name] - x[name] for name in row) / len(row)
    for name in row:
        x[name] += shift


def curve(points: list[Point]) -> str:
    """A line through the points that leaves and enters each vertically."""
    parts = [f"M{points[0][0]:.0f},{points[0][1]:.0f}"]
    for (x, y), (to_x, to_y) in pairwise(points):
        middle = (y + to_y) / 2
        parts.append(f"C{x:.0f},{middle:.0f} {to_x:.0f},{middle:.0f} {to_x:.0f},{to_y:.0f}")
    return "".join(parts)


def drawn(arrows: Arrows, title: str) -> str:
    """The text of the picture; the same graph gives the same bytes."""
    depth = layers_of(arrows)
    ways = routes(arrows, depth)
    level = {**depth, **{point: depth[way[0]] + step for way in ways for step, point in enumerate(way)}}
    width = {name: len(name) * LETTER + 16 for name in depth} | {point: 0.0 for way in ways for point in way[1:-1]}
    rows = [sorted(name for name in level if level[name] == row) for row in range(max(level.values()) + 1)]
    x = placed(rows, ways, width)
    left = min(x[name] - width[name] / 2 for name in level) - 20
    wide = round(max(x[name] + width[name] / 2 for name in level) - left + 20)
    lines = []
    for way in ways:
        points = [(x[name] - left, level[name] * ROW + 33.0) for name in way]
        points[0] = (points[0][0], points[0][1] + HIGH / 2)
        points[-1] = (points[-1][0], points[-1][1] - HIGH / 2 - 6)
        lines.append(f'<path d="{curve(points)}" marker-end="url(#a)"/>')
    for name in sorted(depth):
        middle, top = x[name] - left, level[name] * ROW + 20
        box = f'<rect x="{middle - width[name] / 2:.0f}" y="{top}" width="{width[name]:.0f}" height="{HIGH}" rx="4"/>'
        lines.append(f'{box}<text x="{middle:.0f}" y="{top + 17}">{escape(name)}</text>')
    high = len(rows) * ROW - ROW + HIGH + 40
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" viewBox="0 0 {wide} {high}">',
            f"<title>{escape(title)}</title><style>{STYLE}</style>",
            f"<defs>{ARROW_HEAD}</defs>",
            f'<rect class="card" x=".5" y=".5" width="{wide - 1}" height="{high - 1}" rx="8"/>',
            *lines,
            "</svg>\n",
        ]
    )
