package config

import (
	"net/netip"
)

// destructive is a configured backend that can be acted on.
type destructive struct {
	setting string // where it is configured
	sandbox bool   // nothing real is behind it
	address string // host:port that is acted on; "" for the sandbox
}

// harmless reports whether nothing but this machine can suffer. Only literal
// loopback addresses count: what a name leads to can be changed from outside.
func (b destructive) harmless() bool {
	if b.sandbox {
		return true
	}
	address, err := netip.ParseAddrPort(b.address)
	return err == nil && address.Addr().Unmap().IsLoopback()
}

// destructive lists the configured backends that commands can act on.
func (c *Config) destructive() []destructive {
	var all []destructive
	if c.Backends.Sandbox != nil {
		all = append(all, destructive{setting: "backends.sandbox", sandbox: true})
	}
	return append(all, c.destructivePanDA()...)
}

// checkTrusted refuses a terminal that may speak for anybody where that could
// do harm: one person there would be every approver.
func (c *Config) checkTrusted(d *decoder) {
	if c.Console.Trusted {
		refuseTrust(d, c.destructive())
	}
}

func refuseTrust(d *decoder, backends []destructive) {
	for _, b := range backends {
		if !b.harmless() {
			d.add("console.trusted", "cannot be true while %s acts on a real system: whoever sits at the terminal could be anybody; take one of the two out", b.setting)
		}
	}
}
