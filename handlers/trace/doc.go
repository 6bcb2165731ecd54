// Package trace is the commands that find out who ran where: by worker node,
// site batch id, pilot, person or reported address.
//
// Every source of job records is asked at once, each under its own deadline. A
// source that fails, hangs or breaks down makes the answer partial and is named
// in it. "No one" is said only when every source was complete. An answer that
// can still change is asked for again by itself, and the difference is posted.
package trace
