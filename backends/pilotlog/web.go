package pilotlog

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/trouble"
	"github.com/gridwarden/gridwarden/config/endpoint"
	"github.com/gridwarden/gridwarden/config/secret"
)

// Bounds on an archive on the web.
const (
	webDeadline  = 10 * time.Second // of one request, with its body
	maxRedirects = 3
	maxTarBytes  = 64 << 20 // of an archive, packed
)

// web is an archive whose addresses are made by a template. It can only be asked
// for what is known by name.
type web struct {
	template string
	users    []string
	token    secret.File
	client   *http.Client
}

// The words that a template may have in braces.
var templateWords = []string{"factory", "schedd", "name", "user", "entry", "cluster", "proc", "file"}

func newWeb(c Config) (*web, error) {
	base, err := url.Parse(c.URL)
	if err != nil {
		return nil, trouble.Errorf(nil, "The address of the pilot logs cannot be read. Look at backends.cms.pilotlogs in the configuration.")
	}
	authorities, err := endpoint.Authorities(c.CAFile)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSHandshakeTimeout:    5 * time.Second,
		ResponseHeaderTimeout:  webDeadline,
		MaxResponseHeaderBytes: 64 << 10,
		MaxConnsPerHost:        4,
		IdleConnTimeout:        30 * time.Second,
		DisableCompression:     true, // what is packed is unpacked with bounds
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: authorities},
	}
	return &web{template: c.URL, users: c.Users, token: c.TokenFile, client: &http.Client{
		Transport: transport,
		Timeout:   webDeadline,
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if r.URL.Scheme != base.Scheme || r.URL.Host != base.Host || len(via) > maxRedirects {
				return errRedirect
			}
			return nil
		},
	}}, nil
}

var errRedirect = errors.New("the archive sends to another host")

// address fills in the template; false when a word in it is not known or cannot
// stand in an address.
func (w *web) address(p grid.Pilot, user, file string) (string, bool) {
	host, _ := grid.HostOf(p.ID.Schedd)
	words := map[string]string{
		"factory": host, "schedd": safeName(p.ID.Schedd), "name": safeName(p.Name), "user": user, "entry": safeName(strings.TrimPrefix(p.Entry, "entry_")),
		"cluster": strconv.FormatInt(p.ID.Cluster, 10), "proc": strconv.FormatInt(p.ID.Proc, 10), "file": file,
	}
	out, ok := w.template, true
	for _, word := range templateWords {
		hole := "{" + word + "}"
		if strings.Contains(out, hole) {
			ok = ok && words[word] != ""
			out = strings.ReplaceAll(out, hole, url.PathEscape(words[word]))
		}
	}
	return out, ok
}

// single tells that an address is of an archive that has both files.
func (w *web) single() bool { return !strings.Contains(w.template, "{file}") }

func (w *web) find(_ context.Context, p grid.Pilot) ([]place, error) {
	users := w.users
	if !strings.Contains(w.template, "{user}") {
		users = []string{""}
	}
	var out []place
	for _, user := range users {
		if _, ok := w.address(p, user, "out"); !ok {
			return nil, errUnnamed
		}
		pl := place{where: strings.TrimSuffix(jobName(p.ID, ""), "."), pilot: grid.Pilot{ID: grid.PilotID{Cluster: p.ID.Cluster, Proc: p.ID.Proc}}}
		pl.load = func(ctx context.Context) (out, errs []byte, err error) {
			if w.single() {
				return w.fromTar(ctx, p, user)
			}
			out, errO := w.get(ctx, p, user, "out", maxOut)
			errs, errE := w.get(ctx, p, user, "err", maxErr)
			return out, errs, errors.Join(errO, errE)
		}
		out = append(out, pl)
	}
	return out, nil
}

// errUnnamed says that the records do not say enough of a pilot to make its
// address.
var errUnnamed = trouble.Errorf(nil, "The records do not name what the address of the log is made of, such as its entry")

func (w *web) get(ctx context.Context, p grid.Pilot, user, file string, limit int) ([]byte, error) {
	address, _ := w.address(p, user, file)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("pilotlog: asking for %s: %w", jobName(p.ID, file), err)
	}
	if w.token != "" {
		token, err := w.token.Read()
		if err != nil {
			return nil, err
		}
		req.Header.Set("Authorization", "Bearer "+token.Reveal())
	}
	resp, err := w.client.Do(req)
	if err != nil {
		if errors.Is(err, errRedirect) {
			return nil, trouble.Errorf(nil, "The archive of pilot logs sends to another host, which is not followed. Put the final address into backends.cms.pilotlogs.")
		}
		return nil, trouble.Errorf(bare(err), "The archive of pilot logs does not answer.")
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusGone:
		return nil, nil
	case resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden:
		return nil, trouble.Errorf(nil, "The archive of pilot logs refuses gridwarden (status %d). Look at token_file in backends.cms.pilotlogs.", resp.StatusCode)
	case resp.StatusCode != http.StatusOK:
		return nil, trouble.Errorf(nil, "The archive of pilot logs answers with status %d.", resp.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, int64(limit)+1))
	if err != nil {
		return data, trouble.Errorf(bare(err), "The archive of pilot logs broke off in the middle of a file.")
	}
	return data, nil
}

// bare is an error without the address, which may say more than people should see.
func bare(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

func (w *web) fromTar(ctx context.Context, p grid.Pilot, user string) (out, errs []byte, err error) {
	packed, err := w.get(ctx, p, user, "", maxTarBytes)
	if err != nil || packed == nil {
		return nil, nil, err
	}
	err = readTar(ctx, strings.TrimSuffix(jobName(p.ID, ""), "."), bytes.NewReader(packed), maxSingle, func(h *tar.Header, r io.Reader) (bool, error) {
		is, kind, ok := memberOf(h)
		if !ok || is.ID.Cluster != p.ID.Cluster || is.ID.Proc != p.ID.Proc {
			return true, nil
		}
		into, most := &out, maxOut
		if kind == "err" {
			into, most = &errs, maxErr
		}
		*into, err = io.ReadAll(io.LimitReader(r, int64(most)+1))
		return true, err
	})
	return out, errs, err
}

func (w *web) list(context.Context, time.Time, func(string) bool, func(place) bool) error {
	return errNoList
}

func (w *web) fate(context.Context, grid.Pilot) (fate, error) { return fate{}, nil }

// check asks for a log that cannot be: to answer that there is none, the archive
// must work.
func (w *web) check(ctx context.Context) error {
	p := grid.Pilot{ID: grid.PilotID{Schedd: "none@none.invalid"}, Name: "none", Entry: "none"}
	user := ""
	if len(w.users) > 0 {
		user = w.users[0]
	}
	_, err := w.get(ctx, p, user, "out", 1)
	return err
}
