// Package target resolves whom a ban or a kill is aimed at. It turns what a
// person typed into exact accounts or refuses: it never guesses where a name
// ends, nor picks a look-alike, nor lets a pilot factory stand for the owner of
// a payload. It also states what the accounts have running at the moment.
package target
