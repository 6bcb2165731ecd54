// Package containment is the command that drafts what people can do to contain
// a confirmed user of CMS: hold, kill, ban, and what sites do. The lines are
// grid.Contain's; nothing here or elsewhere in the program runs them.
package containment
