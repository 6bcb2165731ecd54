package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
)

// The subjects by which records name rows.
func actionSubject(id action.ID) string { return "action/" + string(id) }
func incidentSubject(id string) string  { return "incident/" + id }
func linkSubject(account string) string { return "link/" + account }

// stored is an action or an incident in the form of its tables: data is its
// JSON without the part that has a table of its own, json is the whole, whose
// hash its records hold.
type stored struct {
	data, json []byte
	votes      []action.Vote
	notes      []bot.Note
}

func rowOfAction(a action.Action) (stored, error) {
	w := stored{votes: votesOf(a)}
	var err error
	a.Votes = w.votes
	if w.json, err = json.Marshal(a); err != nil {
		return stored{}, fmt.Errorf("encoding action %s: %w", a.ID, err)
	}
	a.Votes = nil
	if w.data, err = json.Marshal(a); err != nil {
		return stored{}, fmt.Errorf("encoding action %s: %w", a.ID, err)
	}
	return w, nil
}

// votesOf is nil for no votes and has every time in UTC, as votes are read back.
func votesOf(a action.Action) []action.Vote {
	var votes []action.Vote
	for _, v := range a.Votes {
		v.At = v.At.UTC()
		votes = append(votes, v)
	}
	return votes
}

func equalVotes(a, b []action.Vote) bool {
	return slices.EqualFunc(a, b, func(v, w action.Vote) bool {
		same := v.At.Equal(w.At)
		v.At = w.At
		return same && v == w
	})
}

func parseAction(data []byte, votes []action.Vote) (action.Action, error) {
	var a action.Action
	if err := json.Unmarshal(data, &a); err != nil {
		return a, fmt.Errorf("decoding an action: %w", err)
	}
	a.Votes = append(a.Votes, votes...) // data has none, unless somebody put them there
	return a, nil
}

func rowOfIncident(i bot.Incident) (stored, error) {
	w := stored{}
	for _, n := range i.Notes {
		n.At = n.At.UTC()
		w.notes = append(w.notes, n)
	}
	var err error
	i.Notes = w.notes
	if w.json, err = json.Marshal(i); err != nil {
		return stored{}, fmt.Errorf("encoding case %s: %w", i.ID, err)
	}
	i.Notes = nil
	if w.data, err = json.Marshal(i); err != nil {
		return stored{}, fmt.Errorf("encoding case %s: %w", i.ID, err)
	}
	return w, nil
}

func parseIncident(data []byte, notes []bot.Note) (bot.Incident, error) {
	var i bot.Incident
	if err := json.Unmarshal(data, &i); err != nil {
		return i, fmt.Errorf("decoding a case: %w", err)
	}
	i.Notes = append(i.Notes, notes...) // data has none, unless somebody put them there
	return i, nil
}

// linkRow is the canonical form of a row of link.
type linkRow struct {
	Account string          `json:"account"`
	Person  action.PersonID `json:"person"`
	Version int             `json:"version"`
}

func (l linkRow) row() (row, error) {
	data, err := json.Marshal(l)
	if err != nil {
		return row{}, fmt.Errorf("encoding a linked account: %w", err)
	}
	return row{subject: linkSubject(l.Account), version: l.Version, json: data}, nil
}

// asStored gives the JSON to verify a row by: the whole's, or data itself when
// it is not how this program writes it, which then matches no record.
func asStored(data []byte, written stored, err error) []byte {
	if err != nil || !bytes.Equal(written.data, data) {
		return data
	}
	return written.json
}

// parsePart reads the place and time of a vote or note. Both must be written as
// this program writes them: the hash of the whole would not show another way.
func parsePart(n, want int, at string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, at)
	if err == nil && (n != want || t.UTC().Format(time.RFC3339Nano) != at) {
		err = errors.New("it was not written by gridwarden")
	}
	return t.UTC(), err
}
