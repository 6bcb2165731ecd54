// Package gridtest makes synthetic records of CMS jobs of which it knows the
// truth, and scores who answers traces from them.
//
// A Generator simulates pilots on the worker nodes of 50 sites and the jobs in
// them, and writes what the tools of CMS would have written of these: documents
// of es-cms, snapshots of MONIT, ads of condor_history, epochs, and pilot logs. In
// among them are 18 planted incidents, (a) to (r), each of which a known trap of
// these records hides somebody in. The same Config gives the same bytes.
//
// Names of people, of machines and of their domains are made up; those of sites
// and attributes are real, since their forms are part of what is tested.
package gridtest
