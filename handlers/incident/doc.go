// Package incident is the commands of a case: open it in a thread, note what
// people know, close it with its outcome, and export its timeline with hashes.
//
// A case's timeline is the audit records that name it. The audit log's
// checkpoint is posted when a case opens and when it closes, so that the thread
// itself witnesses the log.
package incident
