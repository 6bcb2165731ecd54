// Package job is the command that tells what PanDA knows of a job: who submitted
// it, from where and when, where it runs, and what it executes. A job is named by
// its PandaID or by whatever a site has of it: the directory of a pilot, lines of
// its log or of ps, a batch id, an address of the monitor. Several candidates are
// looked up and shown, and never guessed among.
package job
