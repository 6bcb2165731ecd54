// Package panda is the workload system PanDA, as ATLAS and others run it: its
// database on PostgreSQL, which is read, its users' gate, and its server.
//
// Column names, indexes and the meaning of states are those of panda-database
// 0.1 and panda-server 1.0. All times in PanDA's tables are UTC without a zone.
package panda
