# SPDX-License-Identifier: MIT
width = 800; height = 370
load "style.gp"
set multiplot layout 1,2 margins 0.09,0.985,0.175,0.91 spacing 0.1,0
norms = "none BatchNorm LayerNorm"
set logscale x
set xrange [0.007:14]
set format x "%g"
set xlabel "deviation of the first weights / He's deviation"

set title "Training loss at the end"
set ylabel "loss in nats"
set yrange [0:2.8]
set key at graph 1.0,0.72 right top samplen 1
plot guessing with lines lc rgb "#8c959f" dt (2, 3) title "guessing", \
  for [k=1:3] data."/init.dat" index word(norms, k) using @loss with yerrorlines ls k notitle, \
  for [k=1:3] data."/init.dat" index word(norms, k) using 1:($2 > 0 ? 2.5 : 1/0):(sprintf("%d/%d", $2, $3)) \
    with labels point ls k pt 2 offset 0,0.8 notitle, \
  1/0 with points ls 1 pt 2 title "diverged"

set title "Test accuracy"
set ylabel "accuracy in %"
set yrange [0:100]
set key inside bottom right samplen 2.5
plot for [k=1:3] data."/init.dat" index word(norms, k) using @accuracy with yerrorlines ls k title word(norms, k)
