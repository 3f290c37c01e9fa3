# SPDX-License-Identifier: MIT
"""A picture of the table: for each shape, how far from the floor of memory each library is."""
import math

from svg import COLORS, document, line, text

LEFT, PANEL, GAP, ROW, TOP = 250, 330, 30, 17, 84
LOWEST, TICKS = 0.7, [1, 2, 5, 10, 20, 50, 100]


def dot(x, y, library, ours):
    return (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{5 if library == ours else 3.5}" '
            f'fill="{COLORS[library]}" stroke="white" stroke-width="0.8"/>')


def draw(rows, ours, floor, peers):
    """The rows in float by one thread: a panel for forward, one for backward, a dot by library."""
    libraries = [name for name in [*reversed(peers), ours] if any(name in row for row in rows.values())]
    ratios = {key: {name: row[name] / row[floor] for name in libraries if name in row}
              for key, row in rows.items() if floor in row and key[3] == "float" and key[5] == 1}
    layers = list(dict.fromkeys(key[0] for key in ratios))
    problems = sorted(dict.fromkeys(key[:3] for key in ratios), key=lambda problem: layers.index(problem[0]))
    highest = 1.1 * max(max(row.values()) for row in ratios.values() if row)
    scale = PANEL / math.log(highest / LOWEST)

    def position(panel, ratio):
        return LEFT + panel * (PANEL + GAP) + scale * math.log(max(ratio, LOWEST) / LOWEST)

    height = TOP + ROW * (len(problems) + 1.5 * len(layers)) + 26
    width = LEFT + 2 * PANEL + GAP + 20
    bottom = height - 26
    parts = [
        text(16, 28, "Time of a normalization, as times of the memory copy that is its floor", size=15, weight="600"),
    ]
    x = 16
    for name in [ours, *peers]:
        if name in libraries:
            parts += [dot(x + 5, 46, name, ours), text(x + 14, 50, name)]
            x += 34 + 6.6 * len(name)
    parts.append(text(width - 16, 50, "float, one thread; further left is faster", "end", color="#59636e"))

    for panel, title in enumerate(("forward, training", "backward")):
        parts.append(text(position(panel, LOWEST) + PANEL / 2, TOP - 10, title, "middle", weight="600"))
        for tick in (t for t in TICKS if t <= highest):
            at = position(panel, tick)
            parts.append(line(at, TOP, at, bottom, "#1f2328" if tick == 1 else "#e6e9ec", 1.2 if tick == 1 else 1))
            parts.append(text(at, bottom + 16, f"{tick}×", "middle", 11, "#59636e"))

    y, layer = TOP, None
    for problem in problems:
        if problem[0] != layer:
            layer = problem[0]
            y += 1.5 * ROW
            parts.append(text(16, y - 4, layer, weight="600"))
        y += ROW
        shape = problem[1].replace("x", "×") + ("" if layer in ("LayerNorm", "RMSNorm") else ", " + problem[2])
        parts.append(text(LEFT - 12, y - 4, shape, "end", 11.5))
        for panel, pass_ in enumerate(("forward", "backward")):
            start = position(panel, LOWEST)
            parts.append(line(start, y - 8, start + PANEL, y - 8, "#f0f2f4"))
            row = ratios.get((*problem, "float", pass_, 1), {})
            parts += [dot(position(panel, row[name]), y - 8, name, ours) for name in libraries if name in row]
    return document(width, height, parts)
