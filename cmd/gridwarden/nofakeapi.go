//go:build !fakes && !crash

package main

// fakeAPI is empty: no environment can send the program's tokens elsewhere. Only
// builds with the tags fakes or crash can be pointed at a fake.
func fakeAPI(string) string { return "" }
