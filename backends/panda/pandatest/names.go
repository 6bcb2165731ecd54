package pandatest

import (
	"fmt"
	"math/rand/v2"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// Naughty is the clean name of the user whose payloads mine.
const Naughty = "Naughty User"

// traps are users whose names mislead: by what is made of a DN, by two accounts of
// one person, by accounts of two that look like one, and robots that run for others.
func traps() []User {
	const cern = "/DC=ch/DC=cern/OU=Organic Units/OU=Users"
	dns := []string{
		cern + "/CN=nuser/CN=123456/CN=Naughty User",
		cern + "/CN=mmcdonal/CN=234567/CN=Mary McDonald", // one person by certificate,
		"Mary Mcdonald/CN=nickname:mmcdonal",             // and by token
		cern + "/CN=soneill/CN=777/CN=Sean O'Neill (IT)", // loses signs
		"/DC=org/DC=terena/DC=tcs/C=DE/O=DESY/CN=Max Mustermann mmuster@desy.de",
		"/C=IT/O=INFN/OU=Personal Certificate/L=Roma 1/CN=Mario Rossi/emailAddress=mario.rossi@roma1.infn.it",
		"/DC=org/DC=doegrids/OU=People/CN=Bob Jones 987654",
		"/DC=org/DC=cilogon/C=US/O=University of Chicago/CN=John Smith A12345",
		"/C=CH/ST=Zurich/O=ETH/CN=Hans Meier", // ST stays
		"/DC=es/DC=irisgrid/O=ifae/CN=jose_garcia_2",
		cern + "/CN=nusers/CN=345678/CN=Naughty Users", // look-alikes
		"/DC=org/DC=example/CN=naughty user",
		"/DC=org/DC=example/CN=Naughtу User", //nolint:gosmopolitan // a Cyrillic у
		"/DC=org/DC=example/CN=Percy 100% Percent",
		"/DC=org/DC=example/CN=Back\\slash User",
		cern + "/CN=gangarbt/CN=601234/CN=Robot: Ganga Robot",
		cern + "/CN=atlpilo1/CN=614260/CN=Robot: ATLAS Pilot1",
		cern + "/CN=atlpilo2/CN=614261/CN=Robot: ATLAS Pilot2",
		cern + "/CN=pandasv1/CN=663551/CN=Robot: PanDA Server1",
		"Robot Production",
	}
	out := make([]User, 0, len(dns)+2)
	for _, dn := range dns {
		out = append(out, User{Name: grid.PandaName(dn), DN: dn})
	}
	// A name with a second row, and one that was banned before.
	out = append(out,
		User{Name: "Mario Rossi", DN: "/C=IT/O=INFN/OU=Personal Certificate/L=Napoli/CN=Mario Rossi", VO: "test"},
		User{Name: "Banned Before", DN: cern + "/CN=bbefore/CN=456789/CN=Banned Before", Status: "disabled"},
	)
	return out
}

var (
	firstNames = []string{"Ada", "Bela", "Chen", "Dana", "Emil", "Fatima", "Goran", "Hana", "Igor", "Jana", "Kofi", "Lena", "Milan", "Nadia", "Olga", "Pavel"}
	lastNames  = []string{"Abbott", "Bauer", "Conti", "Dvorak", "Evans", "Fischer", "Garcia", "Horvat", "Ivanov", "Jensen", "Kowalski", "Laurent", "Moreau", "Novak", "Okafor", "Petrov"}
)

// ordinary are n users with nothing odd about them, whose names are unique.
func ordinary(n int) []User {
	out := make([]User, n)
	for i := range out {
		first, last := firstNames[i%len(firstNames)], lastNames[i/len(firstNames)%len(lastNames)]
		if round := i / len(firstNames) / len(lastNames); round > 0 {
			last += "-" + lastNames[round%len(lastNames)] + fmt.Sprint("-", 'a'+rune(round/len(lastNames)))
		}
		dn := fmt.Sprintf("/DC=org/DC=example/OU=People/CN=%s %s", first, last)
		out[i] = User{Name: grid.PandaName(dn), DN: dn}
	}
	return out
}

// pick gives a user of a task: some have much more than others.
func pick(r *rand.Rand, n int) int { return int(float64(n) * r.Float64() * r.Float64() * r.Float64()) }
