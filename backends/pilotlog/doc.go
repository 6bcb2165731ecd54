// Package pilotlog finds and reads the logs that glideinWMS pilots leave with
// their factory, and tells from them which jobs ran in a pilot, and whose they
// were. It is asked after the sources of job records, as a second account of what
// ran: a job that was not monitored, or whose record was lost, is only here.
//
// Everything in these files was written by the worker node, which is what an
// incident is about. So all of it is bounded and never believed alone: what the
// log says is at most a possible sighting, and whatever contradicts itself in it
// is told. The rules for that are grid's.
//
// The daemons on a worker node write its local time, without a zone. It is turned
// into UTC by the lines of the same log that have both, never by a guess: where
// there are none, the times are unknown.
package pilotlog
