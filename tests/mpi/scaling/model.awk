# SPDX-License-Identifier: MIT
# Reads what run.sh prints and makes the tables of docs/scaling.md of it. An all-gather of messages
# of b bytes among P ranks takes, by recursive doubling and in microseconds,
#
#     ceil(log2 P) alpha + (P - 1) b beta
#
# with alpha and beta fitted to two ranks, so that the squares of the relative errors are least.
{ median[$1, $2] = $NF; if ($2 > most && $1 == "resnet50") most = $2 }
$1 ~ /^gather_/ {
  split($1, word, "_")
  if (!($1 in seen)) sizes[++count] = word[2]
  seen[$1]
}

function all_gather(ranks, alpha, beta, messages, bytes,    steps) {
  for (steps = 0; 2 ^ steps < ranks; ++steps) {}
  return messages * steps * alpha + (ranks - 1) * bytes * beta
}

# The same where every rank sends to every other.
function each_to_all(ranks, alpha, beta, messages, bytes) {
  return (ranks - 1) * (messages * alpha + bytes * beta)
}

function milliseconds(microseconds) { return sprintf("%.3g", microseconds / 1000) }

function fit(    i, b, t, s11, s1b, sbb, s1t, sbt, det) {
  for (i = 1; i <= count; ++i) {
    b = sizes[i]; t = median["gather_" b, 2]
    s11 += 1 / t ^ 2; s1b += b / t ^ 2; sbb += (b / t) ^ 2; s1t += 1 / t; sbt += b / t
  }
  det = s11 * sbb - s1b ^ 2
  alpha = (s1t * sbb - sbt * s1b) / det
  beta = (s11 * sbt - s1b * s1t) / det
}

function row(name, a, b,    i, text, each) {
  text = "| " name ", recursive doubling |"
  each = "| " name ", each to all |"
  for (i = 1; i <= 5; ++i) {
    text = text " " milliseconds(all_gather(ranks_of[i], a, b, messages, bytes)) " |"
    each = each " " milliseconds(each_to_all(ranks_of[i], a, b, messages, bytes)) " |"
  }
  print text "\n" each
}

function overlap(step,    ranks) {
  print "\n| ranks, " step ", ms | without overlap | started | started and poked |\n|---|---|---|---|"
  for (ranks = 1; ranks <= most; ranks *= 2) {
    printf "| %d | %.2f | %.2f | %.2f |\n", ranks, median[step "_without_overlap", ranks] / 1000,
           median[step "_started", ranks] / 1000, median[step "_started_and_poked", ranks] / 1000
  }
}

END {
  messages = 106; bytes = 851616; channels = 26560  # of a step of ResNet-50
  fit()
  printf "alpha %.2f us, beta %.3f ns per byte\n\n", alpha, 1000 * beta

  head = "| bytes of each rank | 1 rank | 2 ranks | 2, model |"
  line = "|---|---|---|---|"
  for (ranks = 4; ranks <= most; ranks *= 2) { head = head " " ranks " ranks |"; line = line "---|" }
  print head "\n" line
  for (i = 1; i <= count; ++i) {
    name = "gather_" sizes[i]
    text = sprintf("| %d | %.1f | %.1f | %.1f |", sizes[i], median[name, 1], median[name, 2],
                   all_gather(2, alpha, beta, 1, sizes[i]))
    for (ranks = 4; ranks <= most; ranks *= 2) text = text sprintf(" %.1f |", median[name, ranks])
    print text
  }
  print "\n| ranks | measured, ms | recursive doubling, ms | each to all, ms |\n|---|---|---|---|"
  for (ranks = 1; ranks <= most; ranks *= 2) {
    printf "| %d | %s | %s | %s |\n", ranks, milliseconds(median["resnet50", ranks]),
           milliseconds(all_gather(ranks, alpha, beta, messages, bytes)),
           milliseconds(each_to_all(ranks, alpha, beta, messages, bytes))
  }
  overlap("step")
  overlap("step_of_1_ms_messages")

  split("2 8 64 256 1000", ranks_of)
  print "\n| ms for a step of ResNet-50 | 2 ranks | 8 | 64 | 256 | 1,000 |\n|---|---|---|---|---|---|"
  row("InfiniBand: 2 us, 12.5 GB/s", 2, 0.08 / 1000)
  row("Ethernet: 30 us, 1.25 GB/s", 30, 0.8 / 1000)
  per_rank = (median["merging_512_channels", 1000] - median["merging_512_channels", 1]) / (999 * 512)
  text = sprintf("| merging, %.2f ns for each rank and channel |", 1000 * per_rank)
  for (i = 1; i <= 5; ++i) text = text " " milliseconds(ranks_of[i] * channels * per_rank) " |"
  print text
}
