// Package monitor shows how gridwarden is: /healthz tells whoever would restart
// it whether it works, /metrics tells Prometheus what it does. What waits is
// read from the journal when somebody looks, within a deadline; a journal that
// cannot be read is itself a figure, never a failed scrape.
//
// Nothing that a person typed is shown. Every label has few values: platforms,
// commands, states and sources are those that the program was built of.
package monitor
