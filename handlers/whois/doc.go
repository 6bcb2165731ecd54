// Package whois is the command that says which person, pilot factory, robot or
// service a name or DN stands for, and which accounts it has. Look-alikes are
// shown and never picked.
package whois
