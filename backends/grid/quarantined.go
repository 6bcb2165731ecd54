package grid

import "time"

// Quarantined is a foreign file that was fetched as evidence and never opened.
type Quarantined struct {
	URL     string    `json:"url"`
	File    string    `json:"file"` // its name in the quarantine folder
	SHA256  string    `json:"sha256"`
	Size    int64     `json:"size"` // bytes
	At      time.Time `json:"at"`   // when it was there whole, UTC
	Address string    `json:"address,omitempty"`
	Headers []Header  `json:"headers,omitempty"`
}

// Header is one line of what the server said of the file.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}
