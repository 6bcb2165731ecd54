package gridtest

import (
	"fmt"
	"strings"
)

// user is one person who runs analysis jobs.
type user struct {
	login     string
	name      string
	dns       []string // the first is the usual one; empty when the schedd saw none
	email     string
	account   string // on the schedds
	institute string
	country   string
	address   string // from which tasks are submitted
	morning   int64  // when the working day begins there, UTC, in seconds
}

var (
	firstNames = strings.Fields("Ada Maria José Zoë Łukasz Søren Anjali Wei Chiara Jürgen Émile Olga Pedro Hana Tomáš Nadia Kofi Aylin Ravi Ingrid Mateo Elif Yuki Bram Carla Dmitri")
	lastNames  = []string{
		"Rossi", "O'Neill", "Müller", "García", "de la Cruz", "Nowak", "Şahin", "Gupta", "Li", "Dubois", "Hansen", "Novák", "Papadopoulos", "Kim", "Silva", "Jansen",
		"Smith", "Kovács", "Ivanova", "Tanaka", "Schmidt", "Bianchi", "Mäkinen", "Okafor", "d'Amico", "Fernández", "Weber", "Sousa", "Yılmaz", "Petrov", "Costa", "Lindqvist",
	}
	countries = strings.Fields("US IT DE CH FR UK ES PT BR IN CN FI")
)

// plainLetters turns names into what logins are made of.
var plainLetters = strings.NewReplacer("ö", "o", "ü", "u", "ä", "a", "é", "e", "í", "i", "á", "a", "ı", "i", "ş", "s", "ó", "o", "ł", "l", "ø", "o", "'", "", " ", "")

func newUsers(seed uint64) []*user {
	var all []*user
	taken := map[string]bool{}
	for i := range 600 {
		r := stream(seed, "user", uint64(i))
		first, last := firstNames[r.IntN(len(firstNames))], lastNames[r.IntN(len(lastNames))]
		base := plainLetters.Replace(strings.ToLower(string([]rune(first)[:1]) + last))
		login := base
		for n := 2; taken[login]; n++ {
			login = fmt.Sprint(base, n)
		}
		taken[login] = true
		u := &user{
			login: login, name: first + " " + last, account: fmt.Sprintf("cms%04d", 1000+i),
			institute: fmt.Sprintf("University %02d", r.IntN(80)), country: countries[r.IntN(len(countries))],
			address: fmt.Sprintf("203.0.113.%d", 1+r.IntN(250)), morning: r.Int64N(24) * hours,
		}
		if r.IntN(100) >= 5 {
			u.email = login + "@mail.example"
		}
		cern := fmt.Sprintf("/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=%s/CN=%d/CN=%s", login, 700_000+i, u.name)
		switch x := r.IntN(100); {
		case x < 1: // the schedd saw no proxy
		case x < 70:
			u.dns = []string{cern}
		case x < 82:
			u.dns = []string{fmt.Sprintf("/DC=org/DC=terena/DC=tcs/C=%s/O=Institute %02d/CN=%s %s@inst.example", u.country, i%40, u.name, login)}
		case x < 92:
			u.dns = []string{fmt.Sprintf("/DC=org/DC=cilogon/C=US/O=Example National Laboratory/OU=People/CN=%s/CN=UID:%s", u.name, login)}
		case x < 96:
			u.dns = []string{fmt.Sprintf("/C=%s/O=Institute of Physics, Example/CN=%s", u.country, u.name+fmt.Sprint(" ", i))}
		default:
			u.dns = []string{fmt.Sprintf("/DC=org/DC=ugrid/O=people/O=KIPT/CN=%s/site %d", u.name, i)}
		}
		if len(u.dns) > 0 && r.IntN(100) < 3 && u.dns[0] != cern {
			u.dns = append(u.dns, cern)
		}
		all = append(all, u)
	}
	return all
}

// taskOf gives when the task was begun that a job submitted at that time belongs
// to: tasks begin in the hours in which their owner works, a few a week.
func (u *user) taskOf(number int, submitted int64) int64 {
	for week := submitted / day; ; week-- {
		x := mix(uint64(week)<<16 | uint64(number))
		at := week*day + u.morning + int64(x>>8%(9*hours))
		if x%3 == 0 && at <= submitted {
			return at
		}
	}
}
