// Package grid holds the grid's nouns (hosts, DNs, windows, jobs, sightings,
// traces, accounts) and the pure rules over them. It does no I/O and knows no
// backend: every source of records asks the same rules, so that there is one
// answer to "did this job run on that host in that window".
//
// All times are UTC.
package grid
