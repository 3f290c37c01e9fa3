# SPDX-License-Identifier: MIT
width = 800; height = 400
load "style.gp"
set multiplot layout 1,2 margins 0.09,0.985,0.2,0.915 spacing 0.115,0
sizes = "4 16 64"
set logscale xy
set xrange [0.00005:1.5]
set xtics ("cumulative\naverage" 0.0001, "0.001" 0.001, "" 0.003, "0.01" 0.01, "" 0.03, "0.1" 0.1, "" 0.3, "1" 1)
set xlabel "momentum"
series(k) = "batches of ".word(sizes, k)

set title "Test loss by the running statistics"
set ylabel "loss in nats"
set key at graph 0.03,0.98
set yrange [0.4:5]
set ytics (0.4, 0.5, 0.6, 0.8, 1, 2, 3, 4, 5)
plot for [k=1:3] data."/momentum.dat" index series(k) using ($1 > 0 ? $1 : 1/0):5:6 \
    with yerrorlines ls 5+2*(k-1) title series(k), \
  for [k=1:3] data."/momentum.dat" index series(k) using ($1 == 0 ? 0.0001 : 1/0):5:6 \
    with yerrorbars ls 5+2*(k-1) notitle, \
  for [k=1:3] data."/momentum.dat" index series(k) using (0.00005):($1 < 0 ? $5 : 1/0):(1.5):(0) \
    with vectors nohead ls 5+2*(k-1) dt (2, 3) notitle, \
  1/0 with lines lc rgb "#1f2328" dt (2, 3) title "statistics of all training samples"

set title "Error of the running means"
set ylabel "root mean square error in σ of the channel"
set yrange [0.005:1]
set ytics (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1)
unset key
plot for [k=1:3] data."/momentum.dat" index series(k) using ($1 > 0 ? $1 : 1/0):7:8 \
    with yerrorlines ls 5+2*(k-1), \
  for [k=1:3] data."/momentum.dat" index series(k) using ($1 == 0 ? 0.0001 : 1/0):7:8 \
    with yerrorbars ls 5+2*(k-1)
