// Package kill holds the commands that cancel what a user has running, or tasks and
// jobs by their numbers: first the tasks, which would replace the jobs, then the jobs.
// It tracks each job until it is seen gone, and names those that are still there when
// their time is over.
package kill
