# SPDX-License-Identifier: MIT
"""Pictures of largest errors: a panel for each layer, a line for each library, both axes by powers of ten."""
import math

from svg import COLORS, document, line, text

DASHES = {"eigen-norm": "", "libtorch": "7 3", "oneDNN": "7 3 2 3", "dlib": "2 3", "plain Eigen": "12 4",
          "plain Eigen, E[x²] − E[x]²": "4 4"}
COLUMNS, PANEL, HEIGHT, LEFT, TOP, GAP_X, GAP_Y = 3, 262, 200, 62, 96, 36, 62
LOWEST, HIGHEST, NAN = -8, 4, 5.2  # powers of ten; what is not a number stands above the axis


def marker(x, y, library):
    """A shape of its own, for those who see no colour."""
    color, r = COLORS[library], 3.6
    style = f'fill="{color}" stroke="white" stroke-width="0.8"'
    if library == "eigen-norm":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.2" {style}/>'
    if library == "libtorch":
        return f'<rect x="{x - r:.1f}" y="{y - r:.1f}" width="{2 * r}" height="{2 * r}" {style}/>'
    corners = {
        "oneDNN": [(0, -1.4), (1.4, 0), (0, 1.4), (-1.4, 0)],
        "dlib": [(0, -1.3), (1.3, 1), (-1.3, 1)],
        "plain Eigen": [(0, 1.3), (1.3, -1), (-1.3, -1)],
    }.get(library)
    if corners:
        points = " ".join(f"{x + r * dx:.1f},{y + r * dy:.1f}" for dx, dy in corners)
        return f'<polygon points="{points}" {style}/>'
    return (f'<path d="M{x - r:.1f} {y - r:.1f}l{2 * r} {2 * r}M{x - r:.1f} {y + r:.1f}l{2 * r} {-2 * r}" '
            f'stroke="{color}" stroke-width="1.6"/>')


def curve(points, library):
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    width = 2.4 if library == "eigen-norm" else 1.4
    return (f'<polyline points="{path}" fill="none" stroke="{COLORS[library]}" stroke-width="{width}" '
            f'stroke-dasharray="{DASHES[library]}"/>')


def power_of_ten(value):
    if value in (0, 1, 10):
        return f"{value:g}"
    exponent = round(math.log10(value))
    mantissa = value / 10**exponent
    if abs(mantissa - 1) > 1e-9:
        return f"{value:g}"
    return "10" + "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(digit)] if digit != "-" else "⁻" for digit in str(exponent))


def height_of(error, top):
    level = NAN if not math.isfinite(error) else min(max(math.log10(max(error, 1e-99)), LOWEST), NAN)
    return top + HEIGHT * (NAN - level) / (NAN - LOWEST)


def panel(left, top, title, lines, ticks, promise):
    """lines: {library: {tick: error}}."""
    bottom, right = top + HEIGHT, left + PANEL
    at = {tick: left + 12 + (PANEL - 24) * i / (len(ticks) - 1) for i, tick in enumerate(ticks)}
    parts = [text(left, top - 10, title, weight="600")]
    for level in range(LOWEST, HIGHEST + 1, 2):
        y = height_of(10.0**level, top)
        parts += [line(left, y, right, y, "#e6e9ec"), text(left - 6, y + 4, power_of_ten(10.0**level), "end", 11, "#59636e")]
    parts.append(text(left - 6, height_of(math.nan, top) + 4, "NaN", "end", 11, "#59636e"))
    y = height_of(promise, top)
    parts += [f'<rect x="{left}" y="{y:.1f}" width="{PANEL}" height="{bottom - y:.1f}" fill="{COLORS["eigen-norm"]}" opacity="0.08"/>',
              line(left, bottom, right, bottom, "#59636e")]
    for tick, x in at.items():
        parts += [line(x, bottom, x, bottom + 4, "#59636e"), text(x, bottom + 17, power_of_ten(tick), "middle", 11, "#59636e")]
    for library, errors in lines.items():
        points = [(at[tick], height_of(error, top)) for tick, error in errors.items()]
        parts += [curve(points, library), *(marker(x, y, library) for x, y in points)]
    return parts


def draw(title, axis, panels, ticks, promise):
    """panels: {layer: {library: {tick: error}}}, the last library on top of the others."""
    libraries = [name for name in COLORS if any(name in lines for lines in panels.values())]
    rows = math.ceil(len(panels) / COLUMNS)
    width = LEFT + COLUMNS * PANEL + (COLUMNS - 1) * GAP_X + 20
    height = TOP + rows * (HEIGHT + GAP_Y)
    parts = [text(16, 28, title, size=15, weight="600")]
    x = 16
    for library in libraries:
        parts += [curve([(x, 48), (x + 30, 48)], library), marker(x + 15, 48, library), text(x + 36, 52, library)]
        x += 58 + 6.7 * len(library)
    parts.append(text(width - 20, 52, f"shaded: at most {promise:.0e}".replace("e-0", "e-"), "end", color="#59636e"))
    for i, (layer, lines) in enumerate(panels.items()):
        left, top = LEFT + i % COLUMNS * (PANEL + GAP_X), TOP + i // COLUMNS * (HEIGHT + GAP_Y)
        parts += panel(left, top, layer, lines, ticks, promise)
        if i // COLUMNS == rows - 1:
            parts.append(text(left + PANEL / 2, top + HEIGHT + 36, axis, "middle", 11.5))
    middle = TOP + (rows * (HEIGHT + GAP_Y) - GAP_Y) / 2
    parts.append(f'<g transform="rotate(-90 16 {middle:.0f})">{text(16, middle, "largest error of y", "middle", 11.5)}</g>')
    return document(width, height, parts)
