# SPDX-License-Identifier: MIT
"""What the pictures are drawn with: pieces of SVG, and a colour for each library."""

# Apart for colour-blind readers, too (after Okabe and Ito).
COLORS = {
    "eigen-norm": "#d55e00",
    "libtorch": "#0072b2",
    "oneDNN": "#009e73",
    "oneDNN nChw16c": "#7fcfb9",
    "dlib": "#cc79a7",
    "plain Eigen": "#8c959f",
    "plain Eigen, E[x²] − E[x]²": "#1f2328",
}


def document(width, height, parts):
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height:.0f}" '
        f'viewBox="0 0 {width} {height:.0f}" font-family="-apple-system, Segoe UI, Helvetica, Arial, sans-serif">',
        f'<rect width="{width}" height="{height:.0f}" rx="6" fill="white"/>', *parts, "</svg>"
    ]) + "\n"


def text(x, y, content, anchor="start", size=12, color="#1f2328", weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
            f'font-weight="{weight}" fill="{color}">{content}</text>')


def line(x1, y1, x2, y2, color, width=1.0):
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}" '
            f'stroke-width="{width}"/>')
