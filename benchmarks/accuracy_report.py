#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What accuracy measured, as Markdown and as pictures.

accuracy_report.py RESULTS.csv: writes docs/accuracy.md, docs/accuracy.svg and
docs/accuracy_by_size.svg."""
import csv
import math
import sys

import accuracy_picture
from accuracy_picture import power_of_ten
from markdown import machine, table, write
from svg import COLORS

OURS = "eigen-norm"
PROMISE = 2e-6
ELEMENTS, MEAN = 10_000, 100  # what is held fixed where the other is varied
RESULTS = ["y", "dx"]
FEW_MEANS = [0, 100, 1e4, 1e6]
AWKWARD = {"constant": "all 10000.1", "outlier": "first 100 σ off", "1e30": "σ = 1e30", "1e-30": "σ = 1e-30"}


def read(path):
    """The settings, and the rows as dictionaries with numbers where there are numbers, ours first."""
    with open(path, encoding="utf-8", newline="") as file:
        lines = file.readlines()
    settings = dict(next(csv.reader([line[2:]])) for line in lines if line.startswith("# "))
    rows = []
    for row in csv.DictReader(line for line in lines if not line.startswith("# ")):
        layer, _, layout = row["problem"].split("/")
        row["layer"] = layer + (", channels last" if layout == "last" else "")
        texts = ("problem", "layer", "data", "library")
        rows.append({name: value if name in texts else float(value) for name, value in row.items()})
    return settings, sorted(rows, key=lambda row: list(COLORS).index(row["library"]))


def number(value):
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "∞"
    if value == 0:
        return "0"
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{float(f'{value:.1e}'):g}" if -2 <= int(exponent) <= 3 else f"{mantissa}e{int(exponent)}"


def unique(rows, column):
    return list(dict.fromkeys(row[column] for row in rows))


def cells(rows, column, keys, of):
    """{key: number in `of`} by the row's `column`, in the order of `keys`; empty where none was measured."""
    found = {row[column]: number(row[of]) for row in rows}
    return [found.get(key, "") for key in keys]


def by_library(rows, column, keys, results=RESULTS):
    """A line for each library and result: the largest errors."""
    lines = []
    for result in results:
        for library in unique(rows, "library"):
            own = [row for row in rows if row["library"] == library]
            lines.append([f"{result}, {library}", *cells(own, column, keys, result)])
    return lines


def layer_tables(rows, column, heading):
    """A table for each layer, with a column for each value that `column` has."""
    parts = []
    for layer in unique(rows, "layer"):
        own = [row for row in rows if row["layer"] == layer]
        keys = unique(own, column)
        parts.append(table([layer, *map(heading, keys)], by_library(own, column, keys)))
    return "\n".join(parts)


def all_layers(rows, header, columns):
    """One table of all layers and libraries; columns: (a condition on rows, the number to show)."""
    lines = []
    for layer in unique(rows, "layer"):
        for library in unique(rows, "library"):
            own = [row for row in rows if row["layer"] == layer and row["library"] == library]
            if own:
                shown = [[number(row[of]) for row in own if condition(row)] for condition, of in columns]
                lines.append([f"{layer}: {library}", *("".join(cell) for cell in shown)])
    return table(header, lines)


def panels(rows, column):
    """For the pictures: {layer: {library: {key: error of y}}}, ours last; RMSNorm takes no mean away."""
    result = {layer: {} for layer in unique(rows, "layer") if layer != "RMSNorm"}
    for row in sorted(rows, key=lambda row: row["library"] == OURS):
        if row["layer"] in result:
            result[row["layer"]].setdefault(row["library"], {})[row[column]] = row["y"]
    return result


def at_mean(value):
    return lambda row: row["mean"] == value


def main(path):
    settings, rows = read(path)
    normal = [row for row in rows if row["data"] == "normal"]
    awkward = [row for row in rows if row["data"] != "normal"]
    by_mean = [row for row in normal if row["elements"] == ELEMENTS]
    by_size = [row for row in normal if row["mean"] == MEAN]
    ours = [row for row in rows if row["library"] == OURS]
    worst = {result: max(row[result] for row in ours) for result in RESULTS}
    kept = all(row[result] <= PROMISE for row in ours for result in RESULTS)
    versions = {name.removeprefix("version of "): version for name, version in settings.items()}
    measured = unique(rows, "library")  # not all: some know a layout of their own alone
    peers = [(name, version) for name, version in versions.items() if version and name in measured]

    write("docs/accuracy.svg", accuracy_picture.draw(
        f"Largest error of y in float32 by the mean of the data, {ELEMENTS:,} elements in each statistic",
        "|mean| / σ", panels(by_mean, "mean"), unique(by_mean, "mean"), PROMISE))
    write("docs/accuracy_by_size.svg", accuracy_picture.draw(
        f"Largest error of y in float32 by the elements in each statistic, |mean| / σ = {MEAN}",
        "elements", panels(by_size, "elements"), unique(by_size, "elements"), PROMISE))
    write("docs/accuracy.md", f"""# Accuracy

How far float32 is from the definition, in training, for eigen-norm and the other C++ libraries on
the same numbers. eigen-norm promises 2e-6 whatever the mean of the data and however many of them
share a statistic. In the {len(ours)} cases measured here, its largest error is {number(worst["y"])} of y and {number(worst["dx"])} of dx:
the promise is **{"kept" if kept else "broken"}**.

![Largest error of y by the mean of the data, for eigen-norm and the others](accuracy.svg)

This page and its pictures are written by

```bash
./benchmarks/run.sh accuracy
```

| | |
|---|---|
{machine()}
| compiler | {settings["compiler"]}, `{settings["flags"]}`, one thread |
{chr(10).join(f"| {name} | {version} |" for name, version in peers)}

## How it is measured

The data are normal with deviation 1 about a mean, rounded to float, and so are dy about 0. gamma
lies between 1 and 3, beta between -1 and 1. The truth is the definition in `long double` on the same
floats: the mean summed twice, the second time about the first, the variance about the mean. No
error here is therefore due to the data's own rounding.

- **Errors** are the largest of all elements, and relative: of y to `max(1, |gamma * xhat|, |beta|)`,
  of dx to the largest of its three terms, where dy counts at least as its mean absolute value.
  1e-7 is as good as float gets; 1 means that nothing is left.
- **Sizes** are the elements that share a mean: 2 to 100 million. 10 million are measured at means of
  0, 100 and 10,000 alone, 100 million at {MEAN}, and not in rows, whose gamma would be as large.
  They are one channel, of which channels first and last are the same.
- **Plain Eigen** is what one writes with `mean()` and broadcasts, with the variance of the
  deviations or as `E[x²] − E[x]²`. RMSNorm takes no mean away and is here for completeness.

An empty cell was not measured; ∞ and NaN are what came out.

## Why digits are lost

- **A mean in float** is off by up to half a unit in the last place *of the mean*: 5e-4 at 10,000
  with a deviation of 1. Every result that is taken about it is off by as much. eigen-norm keeps the
  mean in double, subtracts its float part and puts the rest into the shift.
- **`E[x²] − E[x]²`** subtracts two numbers of the size of the mean's square. Where the mean is
  3,000 deviations, float has no digit left for the variance: it comes out as rounding noise, even
  below zero. dlib does this, and libtorch in GroupNorm with channels last.
- **dlib's gradient of LayerNorm** is another function: version 19.24 looks gamma up by sample, not by
  feature, so that dx is wrong wherever gamma is not 1.
- **A long sum in one accumulator** grows until what is added is lost beside it: the errors that grow
  with the size of the data. eigen-norm sums blocks of about 2,000 elements in float, about a centre
  taken from the data, and merges them in double.
- **`x * scale + shift`** with `shift = beta - mean * scale`, libtorch's way, subtracts two large
  numbers again in each element, though mean and variance may be right. eigen-norm takes the centre
  away first, in backward, too.

## By the mean of the data

{ELEMENTS:,} elements in each statistic; columns are |mean| / σ.

{layer_tables(by_mean, "mean", power_of_ten)}
## By size

|mean| / σ = {MEAN}; columns are the elements in each statistic. Of two, the deviation may be far
smaller than that of the distribution, and the mean's rounding is the larger beside it.

![Largest error of y by size, for eigen-norm and the others](accuracy_by_size.svg)

{layer_tables(by_size, "elements", power_of_ten)}
## On average, and in units in the last place

The mean error of all elements on the scale above, and in units in the last place of the true value;
{ELEMENTS:,} elements. The largest error in units in the last place is one of a result near 0, which no
float32 algorithm has to so many digits.

{"".join(f'''At a mean of {power_of_ten(mean)}:

{all_layers([row for row in by_mean if row["mean"] == mean],
            ["", *(f"{result}, {name}" for result in RESULTS for name in ("mean", "mean ulp", "largest ulp"))],
            [(at_mean(mean), f"{result}{suffix}") for result in RESULTS for suffix in (" mean", " mean ulp", " ulp")])}
''' for mean in (0, 1e4))}## Mean and variance

The largest error of the mean, in deviations, and of the variance (with eps), as a part of it, as
the library keeps them for backward; {ELEMENTS:,} elements; by |mean| / σ.

{all_layers(by_mean, ["", *(f"mean, {power_of_ten(m)}" for m in FEW_MEANS), *(f"var, {power_of_ten(m)}" for m in FEW_MEANS)],
            [(at_mean(m), of) for of in ("mean off", "var off") for m in FEW_MEANS])}
## Awkward data

{ELEMENTS:,} elements in each statistic: a constant; one element of each that is 100 deviations off, at a mean
of 10; and data of which float cannot hold the squares. eps is 1e-5, but 1e-70 for the smallest,
which it would hide.

{all_layers(awkward, ["", *(f"{result}, {name}" for name in AWKWARD.values() for result in RESULTS)],
            [(lambda row, data=data: row["data"] == data, result) for data in AWKWARD for result in RESULTS])}""")
    if not kept:
        sys.exit(f"eigen-norm's largest errors are {worst}")


if __name__ == "__main__":
    main(sys.argv[1])
