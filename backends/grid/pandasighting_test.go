package grid_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gridwarden/gridwarden/backends/grid"
)

func TestAJobThatWasAskedForAsATraceShowsIt(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 8, 20, 10, 0, 0, 0, time.UTC)
	const dn = "/DC=org/DC=example/CN=Naughty User"
	ran := grid.PandaJob{
		ID: 6012345678, Source: "panda-database", Status: "running", Label: "user", UserID: "Naughty User", UserName: "Naughty User", Site: "HERE", CE: "ce1.example.org:9619",
		Created: at, Started: at.Add(time.Hour), Modified: at.Add(2 * time.Hour), Node: "slot1_1@WN1.example.org", Host: "wn1.example.org", BatchID: "7.0", Scheduler: "harvester-x", TaskID: 41, CreationHost: "lxplus7.example.org",
		Owner: grid.PandaOwner{Accounts: []grid.Account{{Name: "Naughty User", DN: dn, Email: "nu@example.org"}}},
	}
	id := func(kind, value string, by grid.Trust) grid.Identity {
		return grid.Identity{Kind: kind, Value: value, AssertedBy: by, Source: "panda-database"}
	}
	want := grid.Sighting{
		Confidence: grid.Confirmed, Why: "it is the job that was asked for", Host: "wn1.example.org", Sources: []string{"panda-database"},
		Job: grid.Job{
			ID: "6012345678", Experiment: grid.ATLAS, Source: "panda-database", Kind: grid.Snapshot, Site: "HERE", Status: "running", Type: "analysis", Task: "41",
			Submitted: at, FirstStart: at.Add(time.Hour), Start: at.Add(time.Hour), Recorded: at.Add(2 * time.Hour), Starts: 1, SubmitAddress: "lxplus7.example.org",
			Hosts: []grid.HostClaim{{Host: "wn1.example.org", Field: "modificationHost", Last: true}}, Pilot: grid.Pilot{Batch: "7.0", Queue: "ce1.example.org", Factory: "harvester-x"},
			Identities: []grid.Identity{id("panda", "Naughty User", grid.BySchedd), id("dn", dn, grid.BySubmitter), id("email", "nu@example.org", grid.BySubmitter)},
		},
	}
	if diff := cmp.Diff(want, ran.Sighting()); diff != "" {
		t.Errorf("a running job (-want +got)\n%s", diff)
	}
	if got := ran.Span(at.Add(3 * time.Hour)); got != (grid.Window{From: at, To: at.Add(3 * time.Hour)}) {
		t.Errorf("its time: %+v", got)
	}

	waits := ran
	waits.Status, waits.Started, waits.Node, waits.Host = "activated", time.Time{}, "aipanda048.cern.ch", "aipanda048.cern.ch"
	if s := waits.Sighting(); s.Host != "" || len(s.Job.Hosts) != 0 || s.Job.Starts != 0 {
		t.Errorf("a job that waits was on a machine of PanDA's: %+v", s)
	}
	lost := ran
	lost.Status = "failed"
	if s := lost.Sighting(); s.Job.Kind != grid.Finished || !s.Job.End.Equal(lost.Modified) || s.Job.EndField == "endTime" {
		t.Errorf("a job without an end: %+v", s.Job)
	}
	if got := lost.Span(at.Add(9 * time.Hour)); !got.To.Equal(lost.Modified) {
		t.Errorf("its time: %+v", got)
	}
	two := ran
	two.Owner.Accounts = append(two.Owner.Accounts, grid.Account{Name: "Naughty User", DN: "/DC=org/CN=Another"})
	if ids := two.Sighting().Job.Identities; len(ids) != 1 {
		t.Errorf("of two users with the name one was taken: %+v", ids)
	}
	managed := ran
	managed.Label, managed.UserID = "managed", dn
	for _, i := range managed.Sighting().Job.Identities {
		if i.AssertedBy != grid.BySubmitter {
			t.Errorf("the name of a production job is believed: %+v", i)
		}
	}
	token := ran
	token.Owner.Accounts = []grid.Account{{Name: "Naughty User", DN: "Naughty User/CN=nickname:nuser"}}
	if diff := cmp.Diff([]grid.Identity{id("panda", "Naughty User", grid.BySchedd), id("login", "nuser", grid.BySubmitter)}, token.Sighting().Job.Identities); diff != "" {
		t.Errorf("an account of a token (-want +got)\n%s", diff)
	}
}
