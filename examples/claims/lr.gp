# SPDX-License-Identifier: MIT
width = 800; height = 720
load "style.gp"
set multiplot layout 2,2 margins 0.1,0.985,0.095,0.95 spacing 0.1,0.155
rates = "0.01 0.1 0.3 1 3"
nets = "none BatchNorm"
titles = "'no normalization' BatchNorm"

set xlabel "images seen, thousands"
set xrange [0:40]
set yrange [0.4:2.6]
do for [n=1:2] {
  set title word(titles, n)
  if (n == 1) { set ylabel "training loss in nats"; unset key } else { unset ylabel; set key top right }
  plot guessing with lines lc rgb "#8c959f" dt (2, 3) title "guessing", \
    for [k=1:5] data."/lr_curves.dat" index word(nets, n)." ".word(rates, k) \
      using @loss with yerrorlines ls 4+k title "rate ".word(rates, k)
}

set xlabel "learning rate"
set logscale x
set xrange [0.002:4.5]
set format x "%g"
set key top center
set title "Training loss at the end"
set ylabel "training loss in nats"
plot guessing with lines lc rgb "#8c959f" dt (2, 3) notitle, \
  for [n=1:2] data."/lr.dat" index word(nets, n) using @loss with yerrorlines ls n title word(titles, n), \
  for [n=1:2] data."/lr.dat" index word(nets, n) using 1:($2 > 0 ? 2.45 : 1/0):(sprintf("%d/%d", $2, $3)) \
    with labels point ls n pt 2 offset 0,0.8 notitle, \
  1/0 with points ls 1 pt 2 title "diverged, of so many runs"

set key bottom center
set title "Test accuracy at the end"
set yrange [0:100]
set ylabel "test accuracy in %"
plot for [n=1:2] data."/lr.dat" index word(nets, n) using @accuracy with yerrorlines ls n title word(titles, n)
