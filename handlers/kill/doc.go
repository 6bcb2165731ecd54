// Package kill holds the command that cancels what a user has running: first
// the tasks, which would replace the jobs, then the jobs. It tracks each job
// until it is seen gone, and names those that are still there when their time
// is over.
package kill
