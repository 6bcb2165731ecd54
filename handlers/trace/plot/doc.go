// Package plot draws a trace as a picture: people as rows, their jobs as bars
// over time, the window that was searched shaded.
//
// It is made for a phone and for every eye: confirmed jobs are solid and
// possible ones hatched, so that nothing is told by colour alone, and names
// stand above their bars in large type. The same trace gives the same bytes.
// Whatever records hold, the picture's size is bounded.
//
// The colours are those of Okabe and Ito, Color Universal Design (2008),
// https://jfly.uni-koeln.de/color/.
package plot
