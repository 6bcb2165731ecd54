package reply

import (
	"fmt"
	"strings"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
)

// given is what is told of the DN that a site has given; "" when it gave none.
type given string

// given reads dn=. Sites see the DN of the pilot, and take it for that of the
// payload's owner: a DN that is not a factory's must not be explained as one.
func (x commands) given(r *bot.Request) (given, error) {
	dn := strings.TrimSpace(r.Options["dn"])
	if dn == "" {
		return "", nil
	}
	if owner, ok := x.sites.Factory(dn); ok {
		return given(fmt.Sprintf("The DN you give, %s, is that of a pilot factory, which %s runs. It is not that of the payload's owner.", oneLine(dn), oneLine(owner))), nil
	}
	switch kind, why := grid.KindOfDN(dn, x.sites); kind {
	case grid.PilotFactory:
		return given(fmt.Sprintf("The DN you give, %s, is that of a pilot factory. It is not that of the payload's owner.", oneLine(dn))), nil
	default:
		return "", bot.Problemf("refused", "dn= is for the DN of a pilot factory that a site took for the payload owner's, and %q is none that is known: %s. `whois` tells more; a factory is made known by grid.factories.", oneLine(dn), why)
	}
}

func (g given) say(d *draft) {
	if g != "" {
		d.sayLong("%s", string(g))
	}
}
