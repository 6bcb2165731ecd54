package main

import (
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/backends/panda/pandatest"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/bottest/fakemattermost"
	"github.com/gridwarden/gridwarden/bot/bottest/mailserver"
)

// walk is somebody who follows PanDA's page of operational security with a running
// gridwarden serve: alice sits at its console, bob and carol, who approve, are in a
// chat. PanDA is a real database with the roles of the documentation, its server, and
// JEDI and pilots on them; letters go to a real mail server.
type walk struct {
	*testing.T
	serve    *service
	keyboard *os.File
	chat     *fakemattermost.Server
	people   map[string]string // ids in the chat, by name
	channel  string
	panda    *pandatest.Database
	world    *pandatest.World
	mail     *mailserver.Server
	journal  string // its folder
	n        int

	table []tableRow // of docs/panda.md
	row   string     // the row that is walked
	typed map[string][]string
}

const walkConfig = `
journal: {sqlite: gridwarden.db}
platforms:
  mattermost: [{name: grid, url: "CHAT", team: grid, token_file: mattermost.token}]
people:
  - {id: alice, name: Alice Adams, institute: CERN, roles: [shifter], accounts: [console/UID]}
  - {id: bob, name: Bob Baker, institute: KIT, roles: [atlas-security], accounts: [mattermost/grid/BOB]}
  - {id: carol, name: Carol Chen, institute: BNL, roles: [atlas-security], accounts: [mattermost/grid/CAROL]}
policies:
  ban: {approvals: [{role: atlas-security, count: 2}], expires: 4h, start_by: 30m}
  unban: {approvals: [{role: atlas-security, count: 1}], expires: 4h, start_by: 30m}
  kill: {approvals: [{role: atlas-security, count: 1}], expires: 1h, start_by: 30m}
  mail: {approvals: [{role: atlas-security, count: 1}], expires: 1h, start_by: 30m}
channels:
  - {platform: console, name: security, commands: [all], personal_data: true, cards: true}
  - {platform: mattermost, workspace: grid, name: security, commands: [all], personal_data: true, cards: true}
security_channel: mattermost/grid/security
limits: {per_person_per_minute: 100000, per_channel_per_minute: 100000}
backends:
  panda:
    database: {dsn_file: reader.dsn}
    server: {url: "SERVER", proxy_file: "PROXY", ca: "AUTHORITY"}
    ban: {via: postgres, dsn_file: banner.dsn}
    evidence: {folder: quarantine, servers: ["127.0.0.1"], roles: [shifter]}
    job_page: "https://bigpanda.cern.ch/job?pandaid={id}"
mail: {smtp: "SMTP", ca: "MAILCA", from: gridwarden@example.org, security_list: security@example.org}
grid:
  sites: [{atlas: [DESY-HH], wlcg: [DESY-HH], squids: [192.0.2.10], contacts: [csirt@site.example.org]}]
  factories: [{dn: "PILOT", name: atlpilo1, owner: the pilot team}]
`

func startWalk(t *testing.T) *walk {
	t.Helper()
	w := &walk{T: t, journal: t.TempDir(), people: map[string]string{}, table: procedureTable(t), typed: map[string][]string{}}
	w.panda = pandatest.NewDatabase(t)
	w.world = pandatest.NewWorld(w.panda, time.Now(), pandatest.Real())
	const shifter = atCERN + "/CN=shi/CN=700001/CN=Shi Fter"
	server := pandatest.NewServer(w.panda, pandatest.Options{Roles: map[string][]string{shifter: {"/atlas/Role=production"}}})
	w.mail = mailserver.New(t, mailserver.Options{})
	w.chat = fakemattermost.New()
	me := w.chat.AddBot("gridwarden", mattermostToken)
	bob, carol := w.chat.AddUser("bob"), w.chat.AddUser("carol")
	w.people["bob"], w.people["carol"] = bob.Id, carol.Id
	w.channel = w.chat.AddChannel("security", model.ChannelTypePrivate, me, bob, carol).Id
	chat := httptest.NewServer(w.chat)
	t.Cleanup(func() { w.chat.Drop(); chat.Close() })
	for name, text := range map[string]string{
		"mattermost.token": mattermostToken, "reader.dsn": w.panda.DSN(pandatest.Reader), "banner.dsn": w.panda.DSN(pandatest.Banner),
	} {
		written(t, filepath.Join(w.journal, name), text)
	}
	if err := os.Mkdir(filepath.Join(w.journal, "quarantine"), 0o700); err != nil {
		t.Fatal(err)
	}
	yaml := strings.NewReplacer(
		"CHAT", chat.URL, "UID", fmt.Sprint(os.Getuid()), "BOB", bob.Id, "CAROL", carol.Id, "SERVER", server.URL,
		"PROXY", server.Authority.Proxy(shifter, pandatest.Proxy{}), "AUTHORITY", server.Authority.File(), "SMTP", w.mail.Addr, "MAILCA", w.mail.CA, "PILOT", pilotsDN,
	).Replace(walkConfig)
	in, keyboard, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = keyboard.Close() })
	w.keyboard = keyboard
	w.serve = startServe(t, written(t, filepath.Join(w.journal, "gridwarden.yaml"), yaml), in)
	w.chat.Await(time.Minute, func() bool { return w.chat.Calls("GET /channels/{id}/posts") > 0 })
	return w
}

// on begins the walk of a row of the table, given by how it begins.
func (w *walk) on(says string) {
	w.Helper()
	w.row = ""
	for _, r := range w.table {
		if strings.HasPrefix(r.says, says) {
			w.row = r.says
		}
	}
	if w.row == "" {
		w.Fatalf("docs/panda.md has no row that begins with %q", says)
	}
	w.typed[w.row] = append(w.typed[w.row], "")
}

// says types a line at the console and returns what was said until all of it was
// answered: the console reads its next line only then, and shows it.
func (w *walk) says(line string, want ...string) string {
	w.Helper()
	from := len(w.serve.out.String())
	w.typed[w.row] = append(w.typed[w.row], line)
	w.n++
	mark := fmt.Sprintf("click mark%d", w.n)
	if _, err := io.WriteString(w.keyboard, line+"\n"+mark+"\n"); err != nil {
		w.Fatal(err)
	}
	said := w.hears(from, mark)
	contains(w.T, line, unwrapped(said), want...)
	return said
}

// hears waits until the console has said something, and gives all that it said from
// a place on.
func (w *walk) hears(from int, text string) string {
	w.Helper()
	late := time.After(time.Minute)
	for {
		if said := w.serve.out.String()[from:]; strings.Contains(unwrapped(said), text) {
			return said
		}
		select {
		case <-w.serve.out.wrote:
		case <-w.serve.ended:
			w.Fatalf("serve ended with %d:\n%s", w.serve.exit, &w.serve.err)
		case <-late:
			w.Fatalf("%q was not said:\n%s\nthe log:\n%s", text, w.serve.out.String()[from:], &w.serve.err)
		}
	}
}

// unwrapped is what the console says without its breaks of lines and its marks.
func unwrapped(s string) string {
	return strings.Join(strings.Fields(strings.NewReplacer("│", " ", "`", "").Replace(s)), " ")
}

var offered = regexp.MustCompile(`approve ([a-z0-9]{6})\b`)

// proposes types a line that needs approval, has it approved in the chat, and waits
// until the console says what comes of it.
func (w *walk) proposes(line, until string, by ...string) (card string) {
	w.Helper()
	from := len(w.serve.out.String())
	card = w.says(line)
	m := offered.FindStringSubmatch(unwrapped(card))
	if m == nil {
		w.Fatalf("%s: nothing to approve in\n%s", line, card)
	}
	for _, who := range by {
		w.chat.Type(w.people[who], w.channel, "", "@gridwarden approve "+m[1], 1)
	}
	w.hears(from, until)
	return card
}

// attaches has somebody put a log beside job in the chat, and waits for the answer there.
func (w *walk) attaches(who, name, log string, want ...string) {
	w.Helper()
	file := w.chat.Upload(w.people[who], w.channel, name, []byte(log))
	asked := w.chat.Say(&model.Post{UserId: w.people[who], ChannelId: w.channel, Message: "@gridwarden job", FileIds: []string{file}}, 1)
	plain, answer := strings.NewReplacer("*", "", "\u200b", ""), ""
	if !w.chat.Await(time.Minute, func() bool {
		for _, p := range w.chat.Thread(asked.Id) {
			if p.Id != asked.Id {
				answer = unwrapped(plain.Replace(p.Message))
			}
		}
		return answer != ""
	}) {
		w.Fatalf("%s is not answered", name)
	}
	contains(w.T, name, answer, want...)
}

// looks makes the program look now at what it would look at in some minutes.
func (w *walk) looks() {
	w.Helper()
	tamper(w.T, w.journal, "UPDATE work SET at = 0, due = 0 WHERE kind = '"+action.WorkVerify+"'")
}

// lettersTo are the mails that went to somebody.
func (w *walk) lettersTo(who string) []opened {
	w.Helper()
	var out []opened
	for _, m := range w.mail.Mails() {
		if o := open(w.T, m); strings.Contains(strings.Join(o.to, " "), who) {
			out = append(out, o)
		}
	}
	return out
}
