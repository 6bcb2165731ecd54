// Package crash ends the program at a chosen place, so that tests can prove
// what a kill there leaves behind. Only builds with the tag crash can: in all
// others its functions are empty, and nothing of it is in the program.
//
// With the tag, GRIDWARDEN_CRASH names a point and after a colon at which
// passage the process kills itself there: "9 before:3".
package crash
