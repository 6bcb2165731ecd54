package endpoint

import "net/netip"

// Loopback reports whether only this machine reaches a host. A name counts for
// nothing, except the one that always means it.
func Loopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback() || host == "localhost"
}
