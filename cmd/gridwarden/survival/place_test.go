//go:build crash

package survival

import (
	"database/sql"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"

	"github.com/gridwarden/gridwarden/backends/postgrestest"
	"github.com/gridwarden/gridwarden/bot/bottest/room"
)

// The databases that a journal can be on.
const (
	onSQLite   = "sqlite"
	onPostgres = "postgres"
)

// settings make a place.
type settings struct {
	database string
	server   *postgrestest.Server // nil: that of all tests
	room     room.Options
	chats    []chat // in place of the room
	speed    int    // of the simulated grid
	folder   string
	journal  string // folder of a journal on SQLite; "" is the place's
	backend  string // in place of the simulated grid
}

// place is everything that outlives the program: its journal, the room, the grid.
type place struct {
	dir, config string
	grid        string // the file of what was done to the simulated grid
	outside     string // the file of the checkpoint outside the journal
	kind        string
	room        *room.Server     // nil: there are chats
	http        *httptest.Server // of the room
	chats       []chat
	net         network  // between the program and the chats
	inbound     string   // where that leads to the program
	env         []string // of the program
	db          *sql.DB
	journal     string // file of a journal on SQLite

	mu      sync.Mutex
	starts  int
	address string // where the latest process that said so listens
}

const yaml = `
people:
  - {id: alice, name: Alice Adams, institute: CERN, roles: [shifter], accounts: [console/alice]}
  - {id: mia, name: Mia Moss, institute: CERN, roles: [shifter], accounts: [console/mia]}
  - {id: noor, name: Noor Nasser, institute: CERN, roles: [shifter], accounts: [console/noor]}
  - {id: omar, name: Omar Ortiz, institute: CERN, roles: [shifter], accounts: [console/omar]}
  - {id: bob, name: Bob Baker, institute: KIT, roles: [atlas-security], accounts: [console/bob]}
  - {id: carol, name: Carol Chen, institute: BNL, roles: [atlas-security], accounts: [console/carol]}
  - {id: tara, name: Naughty User, institute: CERN, roles: [atlas-security], accounts: [console/tara]}
policies:
  ban: {approvals: [{role: atlas-security, count: 2}], expires: 4h, start_by: 30m}
  unban: {approvals: [{role: atlas-security, count: 1}], expires: 4h, start_by: 30m}
  kill: {approvals: [{role: atlas-security, count: 1}], expires: 1h, start_by: 30m}
  protected: {approvals: [{role: atlas-security, count: 2}], expires: 3s, start_by: 30m}
channels:
  - {platform: console, name: security, commands: [all], personal_data: true}
security_channel: security
limits: {per_person_per_minute: 1000000, per_channel_per_minute: 1000000}
audit: {key_file: audit.key, checkpoint_file: audit.checkpoint}
backends:
  ` + simulated + `
`

const simulated = "sandbox: {speed: SPEED, seed: 7, file: grid.jsonl}"

func newPlace(t testing.TB, s settings) *place {
	t.Helper()
	if s.folder == "" {
		s.folder = t.TempDir()
	}
	if s.journal == "" {
		s.journal = s.folder
	}
	p := &place{
		dir: s.folder, kind: s.database, chats: s.chats, net: network{pipes: map[*pipe]bool{}},
		config: filepath.Join(s.folder, "config.yaml"), grid: filepath.Join(s.folder, "grid.jsonl"),
		outside: filepath.Join(s.folder, "audit.checkpoint"),
	}
	text := yaml
	if s.backend != "" {
		text = strings.ReplaceAll(text, simulated, s.backend)
	}
	text = strings.ReplaceAll(text, "SPEED", fmt.Sprint(s.speed))
	if len(s.chats) > 0 {
		text = p.openChats(t, text)
	} else {
		p.room = room.New("console", s.room)
		p.http = httptest.NewServer(p.room)
		t.Cleanup(p.http.Close)
		p.env = []string{"GRIDWARDEN_CRASH_ROOM=" + p.http.URL}
	}
	if s.database == onSQLite {
		p.journal = filepath.Join(s.journal, "gridwarden.db")
		text += fmt.Sprintf("journal: {sqlite: %q}\n", p.journal)
		p.openDB(t, "sqlite", "file:"+p.journal+"?_pragma=busy_timeout(5000)")
	} else {
		if s.server == nil {
			s.server = databaseServer(t)
		}
		db := s.server.NewDatabase(t)
		p.write(t, "serving.dsn", db.DSN(db.Plain))
		p.write(t, "owner.dsn", db.DSN(db.Owner))
		text += "journal: {postgres: {dsn_file: serving.dsn, owner_dsn_file: owner.dsn}}\n"
		p.openDB(t, "pgx", db.DSN(postgrestest.Superuser))
	}
	p.write(t, "config.yaml", text)
	return p
}

func (p *place) openDB(t testing.TB, driver, dsn string) {
	var err error
	if p.db, err = sql.Open(driver, dsn); err != nil {
		t.Fatal(err)
	}
	p.db.SetMaxOpenConns(2)
	p.db.SetConnMaxIdleTime(time.Second) // a server that stops waits for nobody
	t.Cleanup(func() { p.db.Close() })
}

func (p *place) write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// heard notes where the program listens.
func (p *place) heard(address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.address = address
}

// program is where it listens, "" before it said so.
func (p *place) program() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.address
}

// listens reports whether a program does, everywhere.
func (p *place) listens() bool {
	if p.room != nil {
		return p.room.Listeners() > 0
	}
	return p.healthy()
}

// unacknowledged counts the events of the room that nobody took. Chats go on
// without some of theirs.
func (p *place) unacknowledged() int {
	if p.room != nil {
		return p.room.Open()
	}
	return 0
}

// await returns when somebody listens in the room.
func (p *place) await(listeners int, patience time.Duration) error {
	deadline := time.After(patience)
	for p.room.Listeners() < listeners {
		select {
		case <-p.room.Changed():
		case <-time.After(10 * time.Millisecond):
		case <-deadline:
			return fmt.Errorf("only %d of %d listen after %s", p.room.Listeners(), listeners, patience)
		}
	}
	return nil
}
