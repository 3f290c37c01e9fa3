# SPDX-License-Identifier: MIT
# How the pictures of the claims look: Okabe and Ito's colours, which colour-blind readers tell
# apart, and a mark of its own for each series. Whoever loads this has set width and height, data (the
# folder that claims wrote) and out (the file to draw).
set terminal svg size width,height font "Helvetica,13" background "white"
set output out
set encoding utf8
set border 3 lc rgb "#59636e"
set tics nomirror out scale 0.6 textcolor rgb "#1f2328"
set mytics 1
set grid lc rgb "#e6e9ec" lt 1 lw 1
set key top left Left reverse samplen 2.5 spacing 1.15
set bars 0.6
set title offset 0,-0.4
set xlabel offset 0,0.3
set ylabel offset 0.8,0
set datafile missing "nan"

set style line 1 lc rgb "#1f2328" pt 6 ps 0.75 lw 1.6 dt (6, 4)  # none
set style line 2 lc rgb "#d55e00" pt 7 ps 0.75 lw 2.2            # BatchNorm
set style line 3 lc rgb "#0072b2" pt 5 ps 0.65 lw 1.6            # LayerNorm
set style line 4 lc rgb "#009e73" pt 9 ps 0.85 lw 1.6            # GroupNorm
# Where the series are steps of one quantity, from low to high.
set style line 5 lc rgb "#56b4e9" pt 5 ps 0.65 lw 1.6
set style line 6 lc rgb "#0072b2" pt 7 ps 0.70 lw 1.6
set style line 7 lc rgb "#009e73" pt 9 ps 0.85 lw 1.6
set style line 8 lc rgb "#e69f00" pt 11 ps 0.85 lw 1.6
set style line 9 lc rgb "#d55e00" pt 13 ps 0.85 lw 1.6
set style line 10 lc rgb "#cc79a7" pt 4 ps 0.65 lw 1.6

# Columns of the data: x, runs that diverged, runs, rate, and mean and deviation of each quantity.
loss = "1:5:6"
accuracy = "1:7:8"
guessing = log(10)  # the loss of ten equal probabilities
