package main

import (
	"fmt"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot/bottest/fakediscord"
	"github.com/gridwarden/gridwarden/bot/bottest/fakemattermost"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeslack"
	"github.com/gridwarden/gridwarden/bot/discord"
	"github.com/gridwarden/gridwarden/bot/slack"
	"github.com/gridwarden/gridwarden/config"
)

// office is a configuration with three chats, each of which gives a role by a
// group of its own, and the fakes behind it.
type office struct {
	*testing.T
	mattermost *fakemattermost.Server
	slack      *fakeslack.Server
	discord    *fakediscord.Server

	file, public      string            // public is where Slack calls
	addresses         map[string]string // of the fakes by platform
	alice, bob, carol *model.User       // on Mattermost
	channel           string            // on Mattermost, of those who approve kills
}

const (
	memberAlice, memberBob = "200000000000000001", "200000000000000002"
	guildRoom              = "300000000000000001"
	guildRole              = "400000000000000001"
)

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{T: t, mattermost: fakemattermost.New(), slack: fakeslack.New(), discord: fakediscord.New()}
	mm, sl, dc := httptest.NewServer(o.mattermost), httptest.NewServer(o.slack), httptest.NewServer(o.discord)
	t.Cleanup(func() { mm.Close(); sl.Close(); dc.Close() })
	o.addresses = map[string]string{slack.Name: sl.URL + "/api/", discord.Name: dc.URL + "/"}
	me := o.mattermost.AddBot("gridwarden", mattermostToken)
	o.alice, o.bob, o.carol = o.mattermost.AddUser("alice"), o.mattermost.AddUser("bob"), o.mattermost.AddUser("carol")
	o.mattermost.AddChannel("security", model.ChannelTypePrivate, me, o.alice, o.bob, o.carol)
	o.channel = o.mattermost.AddChannel("killers", model.ChannelTypePrivate, me, o.alice, o.bob, o.carol).Id
	for _, name := range []string{"ALICE", "BOB", "CAROL"} {
		o.slack.AddUser(fakeslack.User{ID: "U" + name, Name: strings.ToLower(name)})
	}
	o.slack.AddChannel(fakeslack.Channel{ID: "CSEC", Private: true, Members: []string{fakeslack.BotUser, "UALICE", "UBOB", "UCAROL"}})
	o.slack.SetGroup("SBANNERS", "UALICE", "UBOB", "UCAROL")
	for id, name := range map[string]string{memberAlice: "alice", memberBob: "bob"} {
		o.discord.AddUser(fakediscord.User{ID: id, Name: name})
	}
	o.discord.AddChannel(fakediscord.Channel{ID: guildRoom, Name: "security", Private: true})
	o.discord.SetRole(guildRole, memberAlice, memberBob)
	port := freePort(t)
	o.public = "http://" + port + "/chat"
	o.file = configured(t, fmt.Sprintf(`
journal: {sqlite: a.db}
http: {listen: "%[1]s", public_url: "%[2]s"}
platforms:
  mattermost: [{name: grid, url: "%[3]s", team: grid, token_file: mattermost}]
  slack: [{name: grid, signing_secret_files: [signing], bot_token_file: slack}]
  discord: [{name: grid, guild: "%[4]s", token_file: discord}]
channels:
  - {platform: mattermost, workspace: grid, name: security, commands: [all], personal_data: true}
  - {platform: slack, workspace: grid, name: CSEC, commands: [all], personal_data: true}
  - {platform: discord, workspace: grid, name: "%[5]s", commands: [all], personal_data: true}
security_channel: mattermost/grid/security
people:
  - {id: alice, institute: CERN, roles: [shifter], accounts: [mattermost/grid/%[6]s, slack/grid/UALICE, discord/grid/%[9]s]}
  - {id: bob, institute: KIT, roles: [shifter], accounts: [mattermost/grid/%[7]s, slack/grid/UBOB, discord/grid/%[10]s]}
  - {id: carol, institute: BNL, roles: [shifter], accounts: [mattermost/grid/%[8]s, slack/grid/UCAROL]}
roles:
  killer: {from: mattermost/grid/channel/killers}
  banner: {from: slack/grid/SBANNERS}
  unbanner: {from: discord/grid/%[11]s}
policies:
  kill: {approvals: [{role: killer, count: 2}]}
  ban: {approvals: [{role: banner, count: 2}], distinct_institutes: true}
  unban: {approvals: [{role: unbanner}]}
backends: {sandbox: {}}
`, port, o.public, mm.URL, fakediscord.Guild, guildRoom, o.alice.Id, o.bob.Id, o.carol.Id, memberAlice, memberBob, guildRole))
	for name, text := range map[string]string{"mattermost": mattermostToken, "slack": fakeslack.BotToken, "signing": signingSecret, "discord": fakediscord.Token} {
		written(t, filepath.Join(filepath.Dir(o.file), name), text)
	}
	return o
}

// probe is what `check --probe` tells at its end, and whether anything fails. The
// program as it is released can be pointed at no fake of Slack or Discord, so it
// is put together here as check does.
func (o *office) probe() (said string, err error) {
	o.Helper()
	cfg, err := config.Load(o.file)
	if err != nil {
		o.Fatal(err)
	}
	a, err := wire(o.Context(), cfg, slog.New(slog.NewTextHandler(o.Output(), nil)), wiring{chats: true, api: func(platform string) string { return o.addresses[platform] }})
	if err != nil {
		o.Fatal(err)
	}
	defer a.close()
	stop := a.answerMeanwhile(o.Context(), cfg)
	defer stop()
	var out strings.Builder
	err = a.probe(o.Context(), &out)
	return out.String(), err
}

// TestProbesOfThreeChats is all that a sysadmin reads, when all is well and when
// nothing is.
func TestProbesOfThreeChats(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	led := "    remark: workspace grid: asked from this machine, the addresses below " + o.public + "/slack/grid/ lead to a gridwarden with this app's signing secrets. " +
		"Whether Slack gets there too cannot be asked from here: it shows on the app's page Event Subscriptions (Request URL: Verified) and by the first command.\n"
	said, err := o.probe()
	want := `probe: journal: ok
probe: mattermost/grid: ok
probe: slack: ok
` + led + `probe: discord: ok
probe: sandbox: ok
probe: role banner: ok: the group slack/grid/SBANNERS gives it to 3 people: alice, bob, carol
probe: role killer: ok: the group mattermost/grid/channel/killers gives it to 3 people: alice, bob, carol
probe: role unbanner: ok: the group discord/grid/400000000000000001 gives it to 2 people: alice, bob
probe: policy ban: ok: 3 people could approve, and 2 must
probe: policy kill: ok: 3 people could approve, and 2 must
probe: policy unban: ok: 2 people could approve, and 1 must
`
	if diff := cmp.Diff(want, said); diff != "" || err != nil {
		t.Errorf("%v, (-want +got)\n%s", err, diff)
	}

	o.mattermost.LimitEdits("300")
	o.mattermost.Leave(o.channel, o.alice.Id)
	o.mattermost.Change(o.carol.Id, func(u *model.User) { u.Roles = model.SystemGuestRoleId })
	o.slack.SetClock(-3 * time.Minute)
	o.slack.AddUser(fakeslack.User{ID: "UBOB", Name: "bob", Deleted: true})
	o.slack.SetGroup("SBANNERS", "UBOB", "UMALLORY")
	o.discord.SetContent(false)
	o.discord.Change(guildRoom, func(c *fakediscord.Channel) { c.Denied = 1 << 38 })
	o.discord.SetRole(guildRole)
	said, err = o.probe()
	said = strings.Replace(said, "3m1s behind", "3m0s behind", 1)
	said = strings.Replace(said, "2m59s behind", "3m0s behind", 1)
	want = `probe: journal: ok
probe: mattermost/grid: FAILED: The server mattermost/grid lets posts be changed for 300 seconds only, so a card could not show what was decided: in its System Console, set the time limit for editing posts to none.
probe: slack: FAILED: The clock of Slack is 3m0s behind this machine's: from 2m0s on, what people wrote just before a connection was lost is not read afterwards. Set the one that is wrong; ` + "`timedatectl`" + ` tells whether this machine's is kept right.
` + led + `probe: discord: FAILED: 2 things:
    server grid: the bot may not read what people write. Switch Message Content Intent on, on the page Bot of the application
    server grid: in the channel 300000000000000001 the bot lacks Send Messages in Threads: give them to its role in the channel's settings
probe: sandbox: ok
probe: role banner: FAILED: The group slack/grid/SBANNERS has 1 account, none of anybody under people, so nobody holds the role by it: list them under people[].accounts, or let their owners link them (` + "`link code`" + `). They are: slack/grid/UMALLORY.
probe: role killer: ok: the group mattermost/grid/channel/killers gives it to 1 person: bob
probe: role unbanner: FAILED: The group discord/grid/400000000000000001 has nobody who counts, so nobody holds the role by it: add people who stand under people. Guests, bots, deactivated and remote accounts do not count.
probe: policy ban: FAILED: 2 of banner must approve, and nobody could (the group slack/grid/SBANNERS gives it to 0). They must be of different institutes. Missing: 2 of banner. Add people of the configuration to the group, give others the role by people[].roles, or lower policies.ban.approvals.
probe: policy kill: FAILED: 2 of killer must approve, and 1 person could: bob (the group mattermost/grid/channel/killers gives it to 1). Missing: 1 of killer. Add people of the configuration to the group, give others the role by people[].roles, or lower policies.kill.approvals.
probe: policy unban: FAILED: 1 of unbanner must approve, and nobody could (the group discord/grid/400000000000000001 gives it to 0). Missing: 1 of unbanner. Add people of the configuration to the group, give others the role by people[].roles, or lower policies.unban.approvals.
`
	if diff := cmp.Diff(want, said); diff != "" || err == nil || !strings.Contains(err.Error(), "8 of 11 probes failed.") {
		t.Errorf("%v, (-want +got)\n%s", err, diff)
	}
}

// TestCheckProbeOfAGroupAndAClock goes through the whole program: a group that is
// too small, and a clock that is off, little and much.
func TestCheckProbeOfAGroupAndAClock(t *testing.T) {
	t.Parallel()
	fake := fakemattermost.New()
	server := httptest.NewServer(fake)
	defer server.Close()
	me := fake.AddBot("gridwarden", mattermostToken)
	bob, robert, carol := fake.AddUser("bob"), fake.AddUser("robert"), fake.AddUser("carol")
	sec := fake.AddChannel("security", model.ChannelTypePrivate, me, bob, robert)
	port := freePort(t)
	cfg := configured(t, fmt.Sprintf(`
journal: {sqlite: a.db}
http: {listen: "%[1]s", public_url: "http://%[1]s"}
platforms: {mattermost: [{name: grid, url: "%[2]s", team: grid, token_file: token, command_tokens_file: commands}]}
channels: [{platform: mattermost, workspace: grid, name: security, commands: [all]}]
people:
  - {id: alice, roles: [shifter], accounts: [console/alice]}
  - {id: bob, accounts: [mattermost/grid/%[3]s, mattermost/grid/%[4]s]}
  - {id: carol, accounts: [mattermost/grid/%[5]s]}
roles: {sec: {from: mattermost/grid/channel/security}}
policies: {ban: {approvals: [{role: sec, count: 2}]}}
`, port, server.URL, bob.Id, robert.Id, carol.Id))
	written(t, filepath.Join(filepath.Dir(cfg), "token"), mattermostToken)
	written(t, filepath.Join(filepath.Dir(cfg), "commands"), fake.AddCommand("gridwarden", "http://"+port+"/mattermost/grid/command").Token)

	got := gridwarden(t, "check", "--config", cfg, "--probe")
	if got.status != exitFailed || !strings.Contains(got.err, "1 of 4 probes failed.") {
		t.Errorf("two accounts of one person: %+v", got)
	}
	contains(t, "two accounts of one person", got.out, "probe: mattermost/grid: ok\nprobe: ",
		"probe: role sec: ok: the group mattermost/grid/channel/security gives it to 1 person: bob\n",
		"probe: policy ban: FAILED: 2 of sec must approve, and 1 person could: bob (the group mattermost/grid/channel/security gives it to 1). Missing: 1 of sec. Add people of the configuration to the group")

	fake.Join(sec.Id, carol.Id)
	fake.SetClock(30 * time.Second)
	contains(t, "a clock that is off", ok(t, "check", "--config", cfg, "--probe"), "probe: mattermost/grid: ok\n    remark: The clock of mattermost/grid is ", "s ahead of this machine's. Nothing breaks yet; from 5m0s on,",
		"probe: policy ban: ok: 2 people could approve, and 2 must\n    remark: When bob or carol asks, too few others could approve, and it is refused.")

	fake.SetClock(10 * time.Minute)
	got = gridwarden(t, "check", "--config", cfg, "--probe")
	if got.status != exitFailed || !strings.Contains(got.err, "1 of 4 probes failed.") {
		t.Errorf("another time: %+v", got)
	}
	contains(t, "another time", got.out, "probe: mattermost/grid: FAILED: The clock of mattermost/grid is ", " ahead of this machine's: from 5m0s on, its slash commands, buttons and forms are refused")
}
