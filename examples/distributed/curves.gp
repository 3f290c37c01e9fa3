# SPDX-License-Identifier: MIT
width = 800; height = 370
load "../claims/style.gp"
set multiplot layout 1,2 margins 0.09,0.985,0.165,0.91 spacing 0.1,0
runs = "4_batch 4_sync 1_batch"
names = "'BatchNorm, 4 ranks' 'SyncBatchNorm, 4 ranks' 'BatchNorm, 1 rank'"
styles = "2 3 1"
set xlabel "epoch of 6,000 images"
set xrange [0.7:6.3]
set xtics 1

set title "Training loss"
set ylabel "loss in nats"
set key top right
plot for [k=1:3] data."/".word(runs, k).".dat" using ($1 + 0.05*(k-2)):2:3 \
  with yerrorlines ls word(styles, k)+0 title word(names, k)

set title "Test accuracy"
set ylabel "test accuracy in %"
unset key
plot for [k=1:3] data."/".word(runs, k).".dat" using ($1 + 0.05*(k-2)):(100*$6):(100*$7) \
  with yerrorlines ls word(styles, k)+0
