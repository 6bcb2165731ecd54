// Package fakeserver is what the fake servers of chat platforms share: a network
// in memory, and waiting until something has changed.
package fakeserver
