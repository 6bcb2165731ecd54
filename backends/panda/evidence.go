package panda

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/trouble"
	"github.com/gridwarden/gridwarden/config/endpoint"
)

// EvidenceConfig says where payloads are kept as evidence, and from which servers
// they may be fetched. Nil: none ever is.
type EvidenceConfig struct {
	// Folder is where they are kept; it exists, and is open to nobody else.
	Folder string `yaml:"folder"`
	// Servers are the cache servers: names of hosts, or *.domain for all below a
	// domain. What a job names beside them is never asked.
	Servers []string `yaml:"servers"`
	// Roles are those of which people need one.
	Roles []string `yaml:"roles"`
	// Limit is how large a payload may be, in bytes.
	Limit int64 `yaml:"limit"`
	// CA is a file with the certificates that may vouch for the servers, in PEM.
	// Without it they are those of the system.
	CA string `yaml:"ca"`
}

// DefaultEvidenceLimit is how large a payload may be when nothing is configured:
// PanDA takes no larger one.
const DefaultEvidenceLimit = 1 << 30

// fetchDeadline is how long fetching may take: a command has a minute.
const fetchDeadline = 50 * time.Second

// check finds what is wrong with the settings.
func (c EvidenceConfig) check(add func(setting, text string)) {
	if c.Folder == "" {
		add("evidence.folder", "is missing: a folder that only gridwarden's account can open, outside of what a web server shows")
	}
	if len(c.Servers) == 0 {
		add("evidence.servers", "is missing: name the cache servers, such as [aipanda048.cern.ch, \"*.cern.ch\"]; no other is ever asked")
	}
	for _, s := range c.Servers {
		if name := strings.TrimPrefix(s, "*."); name == "" || strings.ContainsAny(name, "*/:@ ") || strings.HasPrefix(s, "*.") && !strings.Contains(name, ".") {
			add("evidence.servers", fmt.Sprintf("has %q, which is neither a host nor *.domain with a dot in it", s))
		}
	}
	if len(c.Roles) == 0 || slices.Contains(c.Roles, "") {
		add("evidence.roles", "is missing: who may have a payload fetched, such as [atlas-security]")
	}
	if c.Limit < 1<<20 || c.Limit > 64<<30 {
		add("evidence.limit", "must be from 1048576 (1 MiB) to 68719476736 (64 GiB), in bytes")
	}
}

// Quarantine keeps payloads unopened.
type Quarantine struct {
	config EvidenceConfig
	client *http.Client
}

// NewQuarantine opens the folder. It refuses one that others can open.
func NewQuarantine(c EvidenceConfig) (*Quarantine, error) {
	q := &Quarantine{config: c}
	if err := q.Check(context.Background()); err != nil {
		return nil, err
	}
	pool, err := endpoint.Authorities(c.CA)
	if err != nil {
		return nil, err
	}
	q.client = &http.Client{
		Transport: &http.Transport{
			Proxy:                 nil, // only the server itself is asked
			DialContext:           q.dial,
			TLSClientConfig:       &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
			DisableCompression:    true, // what is kept is what was sent
			DisableKeepAlives:     true,
			ResponseHeaderTimeout: 20 * time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return q, nil
}

// Name is the part's name in status.
func (q *Quarantine) Name() string { return "quarantine" }

// Check looks whether the folder can be used.
func (q *Quarantine) Check(context.Context) error {
	info, err := os.Stat(q.config.Folder)
	switch {
	case err != nil:
		return &trouble.Error{Sentence: "The folder for payloads cannot be used: it does not exist, or may not be looked at. Create it with mode 0700 for gridwarden's account.", Cause: err}
	case !info.IsDir():
		return &trouble.Error{Sentence: "The folder for payloads is no folder. Set backends.panda.evidence.folder to one."}
	case info.Mode().Perm()&0o077 != 0:
		return &trouble.Error{Sentence: fmt.Sprintf("The folder for payloads is open to others (mode %04o): foreign code must not lie where others can take it. Set its mode to 0700.", info.Mode().Perm())}
	}
	return nil
}

// server finds the setting that allows a host; "" when none does.
func (q *Quarantine) server(host string) string {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, s := range q.config.Servers {
		lower := strings.ToLower(s)
		if host == lower {
			return s
		}
		if domain, wide := strings.CutPrefix(lower, "*"); wide && strings.HasSuffix(host, domain) && len(host) > len(domain) {
			return s
		}
	}
	return ""
}

// dial connects to an allowed host only. One that is allowed by its domain must
// have a public address: whoever can name hosts there could mean one inside.
func (q *Quarantine) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	allowed := q.server(host)
	if allowed == "" {
		return nil, refusedServer(host)
	}
	d := net.Dialer{Timeout: 10 * time.Second, Control: func(_, resolved string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(resolved)
		if err != nil {
			return err
		}
		if ip := at.Addr().Unmap(); strings.HasPrefix(allowed, "*") && (!ip.IsGlobalUnicast() || ip.IsPrivate()) {
			return &trouble.Error{Sentence: fmt.Sprintf("The server %s has the address %s, which is inside. It was not asked: a server that is meant must stand by its name under backends.panda.evidence.servers.", host, ip)}
		}
		return nil
	}}
	return d.DialContext(ctx, network, address)
}

func refusedServer(host string) error {
	return &trouble.Error{Sentence: fmt.Sprintf("The payload is said to be on %s, which is none of the cache servers under backends.panda.evidence.servers. It was not asked: what a job names may be anything.", host)}
}

// Keep streams what is at address into the quarantine: never opened, never
// beyond the limit, from no other server than the one that is named. What it
// cannot keep whole it does not keep.
func (q *Quarantine) Keep(ctx context.Context, address string, pandaID int64) (grid.Quarantined, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchDeadline)
	defer cancel()
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.User != nil:
		return grid.Quarantined{}, &trouble.Error{Sentence: "The address of the payload is none of a web server. Nothing was fetched.", Cause: err}
	case q.server(u.Hostname()) == "":
		return grid.Quarantined{}, refusedServer(u.Hostname())
	}
	if err := q.Check(ctx); err != nil {
		return grid.Quarantined{}, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return grid.Quarantined{}, fmt.Errorf("panda: asking for a payload: %w", err)
	}
	request.Header.Set("User-Agent", "gridwarden")
	answer, err := q.client.Do(request)
	if err != nil {
		return grid.Quarantined{}, unreached(u.Hostname(), err)
	}
	defer answer.Body.Close()
	if err := q.refused(answer, u.Hostname()); err != nil {
		return grid.Quarantined{}, err
	}
	kept := grid.Quarantined{URL: u.String(), Headers: headersOf(answer.Header)}
	if err := q.store(&kept, answer, pandaID); err != nil {
		return grid.Quarantined{}, err
	}
	return kept, nil
}

func unreached(host string, err error) error {
	var told *trouble.Error
	if errors.As(err, &told) {
		return told
	}
	return &trouble.Error{Sentence: fmt.Sprintf("The server %s could not be reached, so the payload was not fetched. Try again soon: it is removed some time after its task has ended.", host), Cause: err}
}

// refused says why an answer is not kept.
func (q *Quarantine) refused(answer *http.Response, host string) error {
	switch code := answer.StatusCode; {
	case code == http.StatusNotFound || code == http.StatusGone:
		return &trouble.Error{Sentence: fmt.Sprintf("The server %s does not have the payload any more (%d): it has expired. PanDA removes it some time after its task has ended.", host, code)}
	case code >= 300 && code < 400:
		return &trouble.Error{Sentence: fmt.Sprintf("The server %s sends on to another place (%d), which was not followed. Nothing was kept.", host, code)}
	case code != http.StatusOK:
		return &trouble.Error{Sentence: fmt.Sprintf("The server %s answered %d instead of giving the payload. Nothing was kept.", host, code)}
	case answer.ContentLength > q.config.Limit:
		return q.tooLarge()
	}
	return nil
}

func (q *Quarantine) tooLarge() error {
	return &trouble.Error{Sentence: fmt.Sprintf("The payload is larger than %d bytes, which is the limit (backends.panda.evidence.limit). Nothing was kept.", q.config.Limit)}
}

// store streams the body into a file of its own, and the facts beside it.
func (q *Quarantine) store(kept *grid.Quarantined, answer *http.Response, pandaID int64) (err error) {
	cannot := func(err error) error {
		return &trouble.Error{Sentence: "The payload could not be written into the quarantine folder. Nothing was kept. Look at the space on its disk.", Cause: err}
	}
	file, err := os.CreateTemp(q.config.Folder, "*.partial") // mode 0600
	if err != nil {
		return cannot(err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	sum := sha256.New()
	kept.Size, err = q.stream(file, sum, answer)
	if cerr := file.Sync(); err == nil && cerr != nil {
		err = cannot(cerr)
	}
	if cerr := file.Close(); err == nil && cerr != nil {
		err = cannot(cerr)
	}
	if err != nil {
		return err
	}
	kept.SHA256, kept.At = hex.EncodeToString(sum.Sum(nil)), time.Now().UTC().Truncate(time.Second)
	kept.File = fmt.Sprintf("%d-%s.quarantine", pandaID, kept.SHA256)
	facts, err := json.MarshalIndent(kept, "", " ")
	if err != nil {
		return err
	}
	path := filepath.Join(q.config.Folder, kept.File)
	if err := os.WriteFile(path+".json", append(facts, '\n'), 0o600); err != nil {
		return cannot(err)
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return cannot(err)
	}
	return nil
}

// stream copies the body and counts it.
func (q *Quarantine) stream(file io.Writer, sum hash.Hash, answer *http.Response) (int64, error) {
	size, err := io.Copy(io.MultiWriter(file, sum), io.LimitReader(answer.Body, q.config.Limit+1))
	switch {
	case size > q.config.Limit:
		return 0, q.tooLarge()
	case err != nil:
		return 0, &trouble.Error{Sentence: fmt.Sprintf("Fetching the payload stopped after %d bytes. Nothing was kept. Try again.", size), Cause: err}
	case answer.ContentLength >= 0 && size != answer.ContentLength:
		return 0, &trouble.Error{Sentence: fmt.Sprintf("The payload came with %d bytes instead of %d. Nothing was kept. Try again.", size, answer.ContentLength)}
	}
	return size, nil
}

// headersOf keeps the lines that tell of the file, in the order of their names.
func headersOf(h http.Header) []grid.Header {
	const most, longest = 20, 200
	var out []grid.Header
	for name, values := range h {
		for _, v := range values {
			if name != "Set-Cookie" {
				out = append(out, grid.Header{Name: grid.Visible(name[:min(len(name), longest)]), Value: grid.Visible(v[:min(len(v), longest)])})
			}
		}
	}
	slices.SortFunc(out, func(a, b grid.Header) int { return strings.Compare(a.Name, b.Name) })
	return out[:min(len(out), most)]
}
