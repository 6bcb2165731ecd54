package journal_test

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/gridwarden/gridwarden/backends/journal"
)

// TestDiskOfPostgresIsFull asks for every kind of change while the server has
// no room: each is refused, nothing of it is stored, and it goes on afterwards.
func TestDiskOfPostgresIsFull(t *testing.T) {
	t.Parallel()
	o := onPostgres(t)
	disk := o.database.NewSmallDisk(t, 48)
	j := openAt(t, o)
	ctx := t.Context()
	due := fill(t, j)
	db := rawAt(t, o)
	everything := func() string {
		var out strings.Builder
		tables := storedTables(t, o, db)
		for _, table := range slices.Sorted(maps.Keys(tables)) {
			fmt.Fprintln(&out, table, rowsOf(t, db, table, tables[table]))
		}
		return out.String()
	}
	before := everything()
	disk.Fill(t)
	for name, err := range changes(ctx, j, "2", due[0]) {
		if said := told(err); !strings.Contains(said, "(disk full): nothing was run. Free space on the disk of the PostgreSQL server") {
			t.Errorf("%s: told %q (%v)", name, said, err)
		}
	}
	if a, err := j.Action(ctx, "a1"); err != nil || a.Version != 1 {
		t.Errorf("what is there can not be read: %+v, %v", a, err)
	}
	disk.Free(t)
	if after := everything(); after != before {
		t.Errorf("something was half-written:\n%s\nbefore:\n%s", after, before)
	}
	for name, err := range changes(ctx, j, "3", due[1]) {
		if err != nil {
			t.Errorf("%s afterwards: %v", name, err)
		}
	}
	if r, err := j.Verify(ctx); err != nil || !r.Sound() {
		t.Errorf("%v: %q", err, r.Problems)
	}
	must(t, j.Check(ctx))
}

// acknowledged is what was told as stored when SQLite's log had that size.
type acknowledged struct {
	size       int
	records    int64
	checkpoint string // outside the database then
}

// TestPowerCut loses the end of what was written to the log of SQLite: at every
// frame of it and inside of each, with nothing or zeros after it. What was
// acknowledged by then is there, and nothing is there by half.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	j, o := open(t)
	ctx := t.Context()
	path := o.config().SQLite
	var told []acknowledged
	said := func(records int64) {
		told = append(told, acknowledged{size: len(read(t, path+"-wal")), records: records, checkpoint: read(t, o.outside())})
	}
	must(t, j.Write(ctx, note("the first")))
	_, err := j.Sequence(ctx)
	must(t, err)
	said(1)
	for n := range int64(8) {
		must(t, j.Write(ctx, note(strings.Repeat("said ", 300))))
		said(n + 2)
		if n%2 == 1 {
			_, err := j.Sequence(ctx)
			must(t, err)
			said(n + 2)
		}
	}
	file, wal := read(t, path), read(t, path+"-wal")
	const header, frameHeader = 32, 24
	frame := frameHeader + int(binary.BigEndian.Uint32([]byte(wal[8:12])))
	if len(wal) < header+25*frame || (len(wal)-header)%frame != 0 {
		t.Fatalf("a log of %d bytes in frames of %d is not what this test knows", len(wal), frame)
	}
	for at := told[0].size; at <= len(wal); at += frame / 2 {
		var last acknowledged
		for _, a := range told {
			if a.size <= at {
				last = a
			}
		}
		cut := onSQLite(t)
		name := cut.config().SQLite
		write(t, name, file)
		end := ""
		if (at-header)%frame != 0 {
			end = strings.Repeat("\x00", len(wal)-at)
		}
		write(t, name+"-wal", wal[:at]+end)
		write(t, name+".key", read(t, path+".key"))
		write(t, cut.outside(), last.checkpoint)
		after, err := journal.Open(ctx, cut.config(), cut.options())
		if err != nil {
			t.Fatalf("cut at %d: %v", at, err)
		}
		r, err := after.Verify(ctx)
		if err != nil || !r.Sound() || r.Records < last.records {
			t.Errorf("cut at %d after %d records were acknowledged: %+v, %v", at, last.records, r, err)
		}
		if end != "" {
			must(t, after.Write(ctx, note("after")))
		}
		must(t, after.Close())
	}
}
