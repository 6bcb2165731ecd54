// Package fakeserver is what the fake servers of chat platforms share: a network
// in memory, waiting until something has changed, and telling what people see.
package fakeserver
