package slack

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/bot"
)

// Probe compares Slack's clock with this machine's and, in HTTP mode, asks at the
// addresses where Slack is to call.
func (p *Platform) Probe(ctx context.Context) (remarks []string, err error) {
	var all []error
	clocked := false
	for _, name := range slices.Sorted(maps.Keys(p.workspaces)) {
		w := p.workspaces[name]
		_, clock, err := w.test(ctx)
		switch {
		case err != nil:
			all = append(all, fmt.Errorf("workspace %s: %w", name, err))
		case clock == nil && !clocked:
			remarks = append(remarks, bot.Undated("Slack"))
		case !clocked: // one clock for all workspaces
			remark, err := clock.Judge("Slack", p.tolerance())
			if remark != "" {
				remarks = append(remarks, remark)
			}
			if err != nil {
				all = append(all, err)
			}
		}
		clocked = clocked || err == nil
		if places := w.channels(); err == nil && len(places) > 0 {
			remark, err := p.trial(w, places[0]).Run(ctx)
			if remark != "" {
				remarks = append(remarks, remark)
			}
			if err != nil {
				all = append(all, fmt.Errorf("workspace %s: %w", name, err))
			}
		}
		if w.inbound == nil {
			continue
		}
		if err := w.inbound.reached(ctx); err != nil {
			all = append(all, fmt.Errorf("workspace %s: %w", name, err))
			continue
		}
		remarks = append(remarks, fmt.Sprintf("workspace %s: asked from this machine, the addresses below %s lead to a gridwarden with this app's signing secrets. Whether Slack gets there too cannot be asked from here: "+
			"it shows on the app's page Event Subscriptions (Request URL: Verified) and by the first command.", name, w.address("")))
	}
	return remarks, errors.Join(all...)
}

// tolerance is what breaks. Reading after a gap begins by this machine's clock, at
// times that are Slack's; in HTTP mode Slack signs the time of each request.
func (p *Platform) tolerance() bot.Tolerance {
	t := bot.Tolerance{Behind: bot.Bound{By: overlap, Breaks: "what people wrote just before a connection was lost is not read afterwards"}}
	for _, w := range p.workspaces {
		if w.inbound != nil {
			t.Ahead = bot.Bound{By: signedFor, Breaks: "every request of Slack is refused, for its signature is of another time"}
		}
	}
	return t
}

// proofHeader is by what a gridwarden shows whoever sent a challenge that it has
// the secret, too: anything can say a challenge again.
const proofHeader = "X-Gridwarden-Proof"

// proof is of who has a secret. It is none of Slack's signatures, which are of texts that begin otherwise.
func proof(secret []byte, challenge string) string {
	m := hmac.New(sha256.New, secret)
	m.Write([]byte("gridwarden probe:" + challenge))
	return hex.EncodeToString(m.Sum(nil))
}

// address is where Slack calls for one of inboundPaths.
func (w *workspace) address(path string) string {
	return strings.TrimSuffix(w.opt.Public, "/") + inboundPath(w.name, path)
}

// reached sends to each address what Slack sends when it is entered, signed as
// Slack does, with each of the secrets.
func (n *inbound) reached(ctx context.Context) error {
	client := &http.Client{
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer client.CloseIdleConnections()
	for _, path := range slices.Sorted(maps.Keys(inboundPaths)) {
		for i, secret := range n.secrets {
			if err := challenge(ctx, client, n.w.address(path), secret, i+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// challenge asks one address with one secret, the number which counts from 1.
func challenge(ctx context.Context, client *http.Client, address string, secret []byte, number int) error {
	nonce := rand.Text()
	body, err := json.Marshal(map[string]string{"type": "url_verification", "challenge": nonce})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("slack: asking %s: %w", address, err)
	}
	at := strconv.FormatInt(time.Now().Unix(), 10)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(timestampHeader, at)
	r.Header.Set(signatureHeader, signaturePrefix+hex.EncodeToString(signature(secret, at, body)))
	answer, err := client.Do(r)
	if err != nil {
		return bot.Problemf("unreachable", "Nobody answers at %s, where Slack is to call: %v. Is `gridwarden serve` running, and does the proxy pass the address on to http.listen?", address, err)
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(io.LimitReader(answer.Body, maxChallenge))
	proven := subtle.ConstantTimeCompare([]byte(answer.Header.Get(proofHeader)), []byte(proof(secret, nonce))) == 1
	switch {
	case answer.StatusCode == http.StatusUnauthorized:
		return bot.Problemf("unreachable", "At %s, where Slack is to call, what was signed with secret %d of signing_secret_files is refused: something on the way changes bodies or takes off the headers X-Slack-…, "+
			"or what answers runs with other secrets, or with a clock that is five minutes off.", address, number)
	case err != nil || answer.StatusCode != http.StatusOK || !proven:
		return bot.Problemf("unreachable", "At %s, where Slack is to call, something else answers (%s) than a gridwarden with this app's signing secret: correct http.public_url, or what the proxy passes on.", address, answer.Status)
	case string(said) != nonce:
		return bot.Problemf("unreachable", "The answer of gridwarden at %s, where Slack is to call, is another one when it arrives here: something on the way changes it.", address)
	}
	return nil
}

// trial posts in a channel, reads and deletes.
func (p *Platform) trial(w *workspace, t bot.Thread) bot.Trial {
	return bot.Trial{
		Where: "Slack, channel " + t.Channel,
		Face:  func(m bot.Message) (string, error) { return p.Face(t, m) },
		Post:  func(ctx context.Context, m bot.Message) (string, error) { return p.Post(ctx, t, m) },
		Read: func(ctx context.Context, id string) (string, error) {
			seen, err := w.readBack(ctx, t, id)
			return seen.Face, err
		},
		Delete: func(ctx context.Context, id string) error {
			return w.call(ctx, "chat.delete", t.Channel, func(ctx context.Context) error {
				_, _, err := w.api.DeleteMessageContext(ctx, t.Channel, id)
				return err
			})
		},
	}
}
