# SPDX-License-Identifier: MIT
# Sourced by the scripts that try the library as its users have it. What stands in `inside`, if
# anything, comes before each command: chroot and a folder.
inside=()

# builds FOLDER PROGRAM...: a configured project has these programs, which build and run.
builds() {
  "${inside[@]}" cmake --build "$1" --parallel "$jobs" --target "${@:2}"
  "${inside[@]}" ctest --test-dir "$1" --output-on-failure -R "^($(IFS='|' && echo "${*:2}"))$"
}

# refuses SENTENCE COMMAND...: the command fails, and says so. CMake breaks lines as it likes.
refuses() {
  local sentence=$1 output
  if output=$("${@:2}" 2>&1); then
    echo "$output"
    echo "Expected to be refused: $sentence"
    return 1
  fi
  if [[ $(tr -s '[:space:]' ' ' <<<"$output") != *"$sentence"* ]]; then
    echo "$output"
    echo "Expected: $sentence"
    return 1
  fi
  echo "Refused, as expected: $sentence"
}
