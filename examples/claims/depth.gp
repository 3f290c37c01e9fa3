# SPDX-License-Identifier: MIT
width = 800; height = 390
load "style.gp"
set multiplot layout 1,2 margins 0.09,0.985,0.165,0.865 spacing 0.08,0
norms = "none BatchNorm LayerNorm"
set logscale x 2
set xrange [3.5:37]
set xtics 2
set xlabel "hidden layers"
set yrange [0:100]

set ylabel "test accuracy in %"
set key bottom left
set title "Weights drawn with He's deviation,\n√(2 / inputs)"
plot for [k=1:3] data."/depth_he.dat" index word(norms, k) using @accuracy \
  with yerrorlines ls k title word(norms, k)

unset ylabel
unset key
set title "Weights drawn with PyTorch's default deviation,\n√(1 / (3 inputs))"
plot for [k=1:3] data."/depth_torch.dat" index word(norms, k) using @accuracy with yerrorlines ls k
