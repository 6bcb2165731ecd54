// Package answertest is what the tests of the handlers share: running a command
// as a request would, and holding its machine answer against the schema of
// docs/machine-answers.schema.json.
package answertest
