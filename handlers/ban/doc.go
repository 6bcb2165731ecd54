// Package ban holds the commands that bar a user of a workload system such as
// PanDA from submitting, lift that, and list who is barred. A ban stops nothing
// that runs: the kill is a second action.
package ban
