# SPDX-License-Identifier: MIT
# Prints the headers given as arguments as one: what they include from elsewhere, then each header of
# the library once, after those that it includes. Comments stay. `root` is the folder of the headers.
BEGIN {
  for (i = 1; i < ARGC; ++i) append(ARGV[i])
  sort = "LC_ALL=C sort"
  printf "%s", includes | sort
  close(sort)
  printf "%s", library
}

function append(header,    path, line, words, depth, text, result) {
  if (header in appended) return
  appended[header]
  path = root "/" header
  while ((result = (getline line < path)) > 0) {
    split(line, words)
    if (line ~ /^#include "/) {
      append(substr(words[2], 2, length(words[2]) - 2))
    } else if (line ~ /^#include </ && !depth) {  // between #if and #endif it stays in its place
      if (!included[words[2]]++) includes = includes line "\n"
    } else if (line != "#pragma once" && line !~ /^\/\/ SPDX/) {
      if (line ~ /^#if/) ++depth
      if (line ~ /^#endif/) --depth
      text = text line "\n"
    }
  }
  if (result < 0) {
    print "cannot read " path > "/dev/stderr"
    exit 1
  }
  close(path)
  sub(/^\n+/, "", text)
  gsub(/\n\n\n+/, "\n\n", text)
  if (text != "") library = library "\n// === " header "\n\n" text
}
