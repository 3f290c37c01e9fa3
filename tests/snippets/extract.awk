# SPDX-License-Identifier: MIT
# Writes the ```cpp blocks of a Markdown document as C++ files:
#   PREFIX_program_N.cpp   a block with a main, as it stands
#   PREFIX_program_N.txt   the ```text block that comes next after it
#   PREFIX_fragments.cpp   all other blocks: statements in a function each, definitions in a
#                          namespace each, the includes of all on top
# #line makes the compiler speak of lines of the document.

/^[ \t]*```/ {
  if (inside) {
    finish()
  } else {
    language = $0
    sub(/^[ \t]*```[ \t]*/, "", language)
    start = NR + 1
    body = ""
  }
  inside = !inside
  next
}

inside {
  body = body $0 "\n"
  if ($0 ~ /^[^\/]*int main\(/) has_main = 1
  if ($0 ~ /^[ \t]*#include/) {
    block_includes = block_includes $0 "\n"
    statements = statements "\n"
  } else {
    statements = statements $0 "\n"
    if (is_definition($0)) has_definition = 1
  }
}

# `template <...>`, `struct Name {`, or the head of a function, at the start of a line.
function is_definition(text) {
  if (text ~ /^(if|for|while|switch|else|do|try|return)[^A-Za-z0-9_]/) return 0
  return text ~ /^(template|namespace|struct|class|enum)[ <]/ ||
         text ~ /^[A-Za-z_][^=;()]* [A-Za-z_0-9]+\([^;]*\)( const)? *\{/
}

function finish() {
  origin = "#line " start " \"" FILENAME "\"\n"
  if (language == "cpp" && has_main) {
    programs++
    printf "%s%s", origin, body > (prefix "_program_" programs ".cpp")
  } else if (language == "cpp") {
    includes = includes block_includes
    open = has_definition ? "" : "void fragment() {\n"
    close_ = has_definition ? "" : "}\n"
    fragments = fragments "namespace fragment_" start " {\n" open origin statements close_ "}\n"
  } else if (language == "text" && program_was_last) {
    printf "%s", body > (prefix "_program_" programs ".txt")
  }
  program_was_last = language == "cpp" && has_main
  has_main = has_definition = 0
  block_includes = statements = ""
}

END {
  if (inside) {
    print FILENAME ": the block that starts at line " start " is never closed" > "/dev/stderr"
    exit 1
  }
  if (fragments != "") {
    printf "#include \"prelude.hpp\"\n%s%s", includes, fragments > (prefix "_fragments.cpp")
  }
}
