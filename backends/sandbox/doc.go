// Package sandbox simulates a small grid for the demo and for drills: two
// experiments, an incident that is waiting to be found, PanDA's users with
// look-alike names, pilots that call every 30 simulated minutes and only then
// learn of a kill, tasks that replace killed jobs, and one payload that survives
// its pilot's order.
//
// Everything that happens follows from the seed, the simulated time and what was
// done to the grid (bans, kills, submissions). Nothing runs in the background:
// each question computes the state of the moment. All simulated times are UTC.
//
// What it imitates is PanDA's: see banUser.py, killJob of
// job_complex_module.py and the pilot's heartbeat of 1800 s.
package sandbox
