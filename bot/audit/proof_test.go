package audit

import (
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

// TestInclusion proves arbitrary leaves, and that no other record, place, proof
// or checkpoint passes for them.
func TestInclusion(t *testing.T) {
	m := &memory{key: newKey(t)}
	var signed []Checkpoint
	for i := range 600 {
		m.add(t, Record{Kind: Answered, Person: "alice"})
		if i == 0 || i == 255 || i%97 == 0 || i == 599 {
			signed = append(signed, m.sign(t))
		}
	}
	v := m.key.Verifier()
	rapid.Check(t, func(r *rapid.T) {
		at := rapid.IntRange(0, len(signed)-1).Draw(r, "checkpoint")
		c := signed[at]
		n := rapid.Int64Range(0, c.Size-1).Draw(r, "leaf")
		proof, err := ProveInclusion(c, n, m)
		must(r, err)
		p := Inclusion{Leaf: n, Entry: *m.leaves[n].Entry, Body: m.leaves[n].Body, Checkpoint: m.checkpoints[at].Note, Proof: proof}
		rec, err := p.Verify(v)
		if err != nil || rec.ID != p.Entry.ID || rec.Person != "alice" {
			r.Fatalf("%+v, %v", rec, err)
		}
		withheld := p
		withheld.Body = nil
		if rec, err := withheld.Verify(v); err != nil || rec.Person != "" || rec.Body != nil {
			r.Fatalf("without the body: %+v, %v", rec, err)
		}
		for name, change := range map[string]func(*Inclusion){
			"another leaf":       func(p *Inclusion) { p.Leaf = (p.Leaf + 1) % (c.Size + 1) },
			"a negative leaf":    func(p *Inclusion) { p.Leaf = -1 },
			"another record":     func(p *Inclusion) { p.Entry.At++ },
			"another body":       func(p *Inclusion) { p.Body = &Body{Salt: p.Body.Salt, Data: []byte("{}")} },
			"a hash more":        func(p *Inclusion) { p.Proof = append(slices.Clone(p.Proof), tlog.Hash{}) },
			"another checkpoint": func(p *Inclusion) { p.Checkpoint = m.checkpoints[(at+1)%len(signed)].Note },
			"no checkpoint":      func(p *Inclusion) { p.Checkpoint = "" },
			"a changed hash": func(p *Inclusion) {
				if p.Proof = slices.Clone(p.Proof); len(p.Proof) == 0 {
					p.Proof = []tlog.Hash{{}}
				}
				p.Proof[len(p.Proof)-1][7] ^= 1
			},
		} {
			q := p
			change(&q)
			if _, err := q.Verify(v); err == nil {
				r.Fatalf("%s passes for leaf %d of %d", name, n, c.Size)
			}
		}
	})
}

func TestGrowth(t *testing.T) {
	k := newKey(t)
	m, fork := &memory{key: k}, &memory{key: k}
	for i := range 400 {
		m.add(t, Record{Kind: Answered})
		fork.add(t, Record{Kind: Refused})
		if i%37 == 0 || i == 399 {
			m.sign(t)
			fork.sign(t)
		}
	}
	v := k.Verifier()
	rapid.Check(t, func(r *rapid.T) {
		newer := rapid.IntRange(0, len(m.checkpoints)-1).Draw(r, "newer")
		older := rapid.IntRange(0, newer).Draw(r, "older")
		c, err := ParseCheckpoint(m.checkpoints[newer].Note, v)
		must(r, err)
		proof, err := ProveGrowth(c, m.checkpoints[older].Size, m)
		must(r, err)
		g := Growth{Old: m.checkpoints[older].Note, New: m.checkpoints[newer].Note, Proof: proof}
		o, n, err := g.Verify(v)
		if err != nil || o.Size != m.checkpoints[older].Size || n != c {
			r.Fatalf("%+v %+v %v", o, n, err)
		}
		forked := g
		forked.Old = fork.checkpoints[older].Note
		if _, _, err := forked.Verify(v); err == nil {
			r.Fatal("a fork passes for the beginning")
		}
		if older != newer {
			g.Old, g.New = g.New, g.Old
			if _, _, err := g.Verify(v); err == nil {
				r.Fatal("a log passes for the beginning of a shorter one")
			}
		}
	})
	if _, err := ProveGrowth(Checkpoint{Size: 5, Root: m.edge.Root()}, 9, m); err == nil {
		t.Error("growth to a smaller size was proven")
	}
	if _, err := ProveInclusion(Checkpoint{Size: 5, Root: m.edge.Root()}, 5, m); err == nil {
		t.Error("a leaf beyond the checkpoint was proven")
	}
}
