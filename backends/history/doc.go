// Package history is the embedded store of imported job records: files that
// condor_history, condor_q and Elasticsearch wrote become one SQLite file that
// answers the same traces as the servers they came from.
//
// It keeps what backends/grid understood of a record, not the record, and finds
// it by the keys and times that grid gives: the rules are grid's, here is only
// their storage.
package history
