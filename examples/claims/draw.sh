#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Draws what claims has measured, all five studies, and writes its tables into docs/claims.md:
#
#   ./examples/run.sh claims && ./examples/claims/draw.sh [FOLDER that it wrote]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../cmake/setup.sh"

folder=$(realpath "${1:-$root/build/claims}")
page=$root/docs/claims.md
for name in lr lr_curves batch_cnn batch_mlp depth_he depth_torch init momentum; do
  if [ ! -e "$folder/$name.dat" ]; then
    echo "draw.sh: expected $folder/$name.dat, as claims writes it, got no such file" >&2
    exit 1
  fi
done
# The page speaks of five seeds.
for file in "$folder"/*.csv; do
  awk -F, -v file="$file" 'NR > 1 { seeds[$4] } END { n = 0; for (s in seeds) ++n
    if (n != 5) { print "draw.sh: expected 5 seeds in " file ", got " n >"/dev/stderr"; exit 1 } }' "$file"
done
install_missing gnuplot-nox

cd "$root/examples/claims"
for study in lr batch depth init momentum; do
  gnuplot -e "data='$folder'; out='$root/docs/claims/$study.svg'" "$study.gp"
done

# Between <!-- table NAME --> and <!-- end --> stands NAME.md.
awk -v folder="$folder" '
  /^<!-- end -->/ { skip = 0 }
  !skip { print }
  /^<!-- table / {
    file = folder "/" $3 ".md"
    print ""
    while ((getline line <file) > 0) print line
    print ""
    skip = 1
  }' "$page" >"$page.new"
mv "$page.new" "$page"
echo "Wrote docs/claims.md and docs/claims/*.svg"
