// Package survival runs the program as processes of their own, with a room and
// a simulated grid that outlive them, and kills them at every point that
// bot/crash knows, takes their database away and loads them for hours. On the
// chat platforms, which fake servers stand for, it does the same in the middle of
// decisions, and cuts the network. It counts what people saw and what was done to
// the grid, not what the journal says of itself. All of it is tests, built with the tag crash.
package survival
