# SPDX-License-Identifier: MIT
"""What the pages are written with."""
import os
import re
import subprocess

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")


def write(path, content):
    with open(os.path.join(ROOT, path), "w", encoding="utf-8") as file:
        file.write(content)


def table(header, lines):
    rule = ["---"] + ["---:" if name else "---" for name in header[1:]]
    return "\n".join("| " + " | ".join(line) + " |" for line in [header, rule, *lines]) + "\n"


def machine():
    output = subprocess.run(["lscpu"], capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}).stdout
    fields = dict(re.findall(r"^([^:\n]+):\s+(.+)$", output, re.MULTILINE))
    lines = [f"| processor | {fields.get('Model name', 'unknown')}, {fields.get('CPU(s)', '?')} processors |"]
    caches = [f"{name.split()[0]} {fields[name]}" for name in ("L1d cache", "L2 cache", "L3 cache") if name in fields]
    lines.append(f"| caches | {', '.join(caches)} |")
    vectors = [name for name in ("avx512f", "avx2", "avx") if name in fields.get("Flags", "").split()]
    lines.append(f"| vectors | {vectors[0] if vectors else 'SSE2'} |")
    return "\n".join(lines)
