//go:build !fakes

package main

// fakeAPI is empty: no environment can send the program's tokens elsewhere. Only
// builds with the tag fakes can be pointed at a fake.
func fakeAPI(string) string { return "" }
