// Package pandatest is a PanDA for tests: the part of its database that this
// project needs, on a real PostgreSQL server, with the roles that the bot has
// there; a generator that fills it; and a world of pilots and JEDI that lives on
// it.
package pandatest
