package panda

import "net/http"

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// OpenMonitorBy asks by a function in place of the network.
func OpenMonitorBy(c MonitorConfig, ask func(*http.Request) (*http.Response, error)) (*Monitor, error) {
	m, err := OpenMonitor(c)
	if err == nil {
		m.client.Transport = roundTripper(ask)
	}
	return m, err
}
