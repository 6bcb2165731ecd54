// Package pilotlogtest has the pilot logs of a generated world in a folder, and
// reads them at that world's moment, for tests of several sources together.
package pilotlogtest
