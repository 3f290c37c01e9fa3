#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What speed measured, as Markdown and as a picture.

speed_report.py MAIN.json [FLAGS.json...]: reads Google Benchmark's files, writes BENCHMARKS.md and
docs/benchmarks.svg. MAIN has all libraries, the others the same rows of eigen-norm by other
compiler flags."""
import json
import math
import os
import sys
from collections import defaultdict

import speed_picture
from markdown import machine, table, write

OURS, FLOOR = "eigen-norm", "floor"
PEERS = ["plain Eigen", "libtorch", "oneDNN", "oneDNN nChw16c", "dlib"]
PASSES = ["forward", "infer", "backward"]


def read(path):
    """The context, and, in the order of the table, {(layer, shape, layout, scalar, pass, threads): {library: seconds}}."""
    with open(path, encoding="utf-8") as file:
        data = json.load(file)
    rows = defaultdict(dict)
    for entry in sorted(data["benchmarks"], key=lambda entry: entry["family_index"]):
        if entry.get("aggregate_name") != "median":
            continue
        layer, shape, layout, scalar, pass_, library, threads = entry["run_name"].split("/")[:7]
        key = (layer, shape, layout, scalar, pass_, int(threads))
        rows[key][library] = entry["real_time"] * 1e-6
    for key, row in rows.items():  # what is small is copied faster by one thread
        alone = rows.get(key[:5] + (1,), {}).get(FLOOR)
        if FLOOR in row and alone:
            row[FLOOR] = min(row[FLOOR], alone)
    return data["context"], dict(rows)


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values)) if values else math.nan


def duration(seconds):
    if seconds < 1e-6:
        return f"{seconds * 1e9:.0f} ns"
    if seconds < 1e-3:
        return f"{seconds * 1e6:.3g} us"
    return f"{seconds * 1e3:.3g} ms"


def label(key):
    layer, shape, layout, scalar, pass_, _ = key
    layout = "" if layer in ("LayerNorm", "RMSNorm") else ", " + layout
    return f"{shape.replace('x', '×')}{layout}{'' if scalar == 'float' else ', ' + scalar}, {pass_}"


def in_order(keys):
    """By problem, forward first."""
    problems = list(dict.fromkeys(key[:4] for key in keys))
    return sorted(keys, key=lambda key: (problems.index(key[:4]), PASSES.index(key[4])))


def measured(row):
    return OURS in row and FLOOR in row


def ratio_table(rows, layer, threads):
    keys = [k for k in in_order(rows) if k[0] == layer and k[5] == threads and measured(rows[k])]
    peers = [p for p in PEERS if any(p in rows[k] for k in keys)]
    speedup = threads > 1
    lines = []
    for key in keys:
        row = rows[key]
        ours, floor = row[OURS], row[FLOOR]
        faster = [p for p in peers if p in row and row[p] < ours]
        cell = f"{ours / floor:.2f}"
        if faster:
            best = min(faster, key=row.get)
            cell = f"**{cell}, slower than {best}**"
        line = [label(key), duration(floor), duration(ours), cell]
        if speedup:
            alone = rows.get(key[:5] + (1,), {}).get(OURS)
            line.append(f"{alone / ours:.2f}" if alone else "")
        lines.append(line + [f"{row[p] / floor:.2f}" if p in row else "" for p in peers])
    header = [layer, "floor", OURS, "of the floor"] + (["speedup"] if speedup else []) + peers
    return table(header, lines) if lines else ""


def losses(rows):
    keys = [k for k in in_order(rows) if measured(rows[k]) and any(p in rows[k] for p in PEERS)]
    peers = [{p: rows[k][p] for p in PEERS if p in rows[k]} for k in keys]
    lost = [(k, min(p, key=p.get), p) for k, p in zip(keys, peers) if p and min(p.values()) < rows[k][OURS]]
    text = f"eigen-norm is the fastest in {len(keys) - len(lost)} of {len(keys)} rows that others are in."
    if not lost:
        return text + "\n"
    text += " It is slower in these:\n\n"
    lines = [
        [f"{k[0]} {label(k)}", str(k[5]), best, f"{rows[k][OURS] / p[best]:.2f}"]
        for k, best, p in sorted(lost, key=lambda entry: -rows[entry[0]][OURS] / min(entry[2].values()))
    ]
    return text + table(["", "threads", "fastest", "eigen-norm takes, times its time"], lines)


def summary(rows):
    """Geometric means of how many times faster we are, in float."""

    def times(layer, layouts, passes, threads, peer):
        ratios = []
        for key, row in rows.items():
            if (key[0] == layer and key[2] in layouts and key[3] == "float" and key[4] in passes
                    and key[5] == threads and measured(row)):
                others = [row[p] for p in PEERS if p in row] if peer is None else [row[peer]] if peer in row else []
                if others:
                    ratios.append(min(others) / row[OURS])
        return geometric_mean(ratios)

    training, inference = ["forward", "backward"], ["infer"]
    cases = [("BatchNorm2d", ["first"], peer) for peer in PEERS]
    cases += [("BatchNorm2d", ["last"], None), ("BatchNorm1d", ["rows", "columns"], None),
              ("LayerNorm", ["rows"], None), ("RMSNorm", ["rows"], None), ("GroupNorm", ["first", "last"], None)]
    counts = sorted({key[5] for key in rows})
    lines = []
    for layer, layouts, peer in cases:
        values = [times(layer, layouts, passes, n, peer) for n in counts for passes in (training, inference)]
        if not all(map(math.isnan, values)):
            name = f"{layer}{', ' + layouts[0] if layer == 'BatchNorm2d' else ''}"
            values = ["" if math.isnan(v) else f"{v:.2f}" for v in values]
            lines.append([name, peer or "the best of each row", *values])
    header = ["", "against"]
    for n in counts:
        threads = "1 thread" if n == 1 else f"{n} threads"
        header += [f"training, {threads}", f"inference, {threads}"]
    return table(header, lines)


def flags_table(main, others):
    """Ours by compiler flags, as times of the least floor: where it has its buffers differs by process."""
    programs = [rows for _, rows in [main, *others]]
    lines = []
    for key in in_order(others[0][1]):
        if all(measured(rows.get(key, {})) for rows in programs):
            floor = min(rows[key][FLOOR] for rows in programs)
            lines.append([f"{key[0]} {label(key)}", *(f"{rows[key][OURS] / floor:.2f}" for rows in programs)])
    return table(["", *(f"`{context['flags']}`" for context, _ in [main, *others])], lines)


def main(paths):
    (context, rows), *others = [read(path) for path in paths]
    counts = sorted({key[5] for key in rows})
    off = [(name[5:], value) for name, value in context.items() if name.startswith("off: ")]
    parts = [f"""# Benchmarks

A normalization moves memory and does almost no arithmetic. Its floor is therefore a `memcpy` for
forward and inference (x read, y written), and the sum of two arrays for backward (x and dy read, dx
written). Every number in the tables, unless it has a unit, is a time divided by that of the floor,
which is measured over the same buffers in the same process. 1 is as fast as memory.

![Distance to the floor by shape, for eigen-norm and the others](docs/benchmarks.svg)

This page is written by

```bash
./benchmarks/run.sh
```

which runs `speed` with `{os.environ.get("SPEED_ARGUMENTS", "its defaults")}`.

| | |
|---|---|
{machine()}
| compiler | {context["compiler"]}, `{context["flags"]}` |
| date | {context["date"][:10]} |

Before anything is timed, each result is compared with the definition in long double; whatever is off by
more than 1e-3 is not timed. The rows run in random order, repeatedly, and medians are shown. All
libraries read the same memory; eigen-norm and oneDNN write into memory that exists. libtorch's CPU
functions always return a fresh tensor, and dlib works on tensors of its own and adds to dx instead
of writing it. Freed memory stays with the process, so that none of them pays for page faults.
oneDNN has no running statistics to update. `oneDNN nChw16c` is oneDNN on its own blocked layout;
who has (N, C, H, W) must convert to it and back, which is not measured.
"""]
    if off:
        parts.append("Not timed, as they disagree with the definition:\n\n" +
                     table(["", "off by"], [[name, value] for name, value in off]))
    parts.append("## Summary\n\nHow many times faster than others eigen-norm is, in float: geometric means over the\n"
                 "rows below. Training is forward and backward.\n\n" + summary(rows))
    parts.append(losses(rows))
    if others:
        parts.append("## Compiler flags\n\neigen-norm by the flags it is compiled with, one thread, as times of the\n"
                     "least floor that one of the programs measured.\n\n" +
                     flags_table((context, rows), others))
    for n in counts:
        parts.append("## One thread\n" if n == 1 else
                     f"## {n} threads\n\nThe floor uses as many threads, or one where that is faster. `speedup` is against one thread.\n")
        for layer in dict.fromkeys(key[0] for key in rows):
            parts.append(ratio_table(rows, layer, n))
    write("BENCHMARKS.md", "\n".join(filter(None, parts)))
    write("docs/benchmarks.svg", speed_picture.draw(rows, OURS, FLOOR, PEERS))


if __name__ == "__main__":
    main(sys.argv[1:])
