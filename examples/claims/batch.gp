# SPDX-License-Identifier: MIT
width = 800; height = 390
load "style.gp"
set multiplot layout 1,2 margins 0.09,0.985,0.165,0.865 spacing 0.08,0
set logscale x 2
set xrange [1.7:76]
set xtics 2
set xlabel "batch size in images"
set ylabel "test accuracy in %"
norms = "BatchNorm GroupNorm LayerNorm"
styles = "2 4 3"  # side by side, so that no error bar hides another

unset key
set title "Convolutional network: a statistic of 196 or 49\nvalues of each image"
plot for [k=1:3] data."/batch_cnn.dat" index word(norms, k) using ($1 * 1.03**(k-2)):7:8 \
  with yerrorlines ls word(styles, k)+0

set key bottom right
unset ylabel
set title "Fully connected network: a statistic of one\nvalue of each image"
plot for [k=1:3] data."/batch_mlp.dat" index word(norms, k) using ($1 * 1.03**(k-2)):7:8 \
  with yerrorlines ls word(styles, k)+0 title word(norms, k)
