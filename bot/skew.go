package bot

import (
	"fmt"
	"net/http"
	"time"
)

// notableSkew is what is told of two clocks that differ although nothing breaks:
// machines that keep their time by NTP are less than a second apart.
const notableSkew = 5 * time.Second

// onItsWay is how long something that bears a time may travel.
const onItsWay = 10 * time.Second

// Skew is how far a server's clock is ahead of this machine's, behind it when
// negative: as little as agrees with what the server said.
type Skew time.Duration

// SkewOf reads a server's clock from its answer to what was sent and received at
// two moments of this machine's clock. The header Date is cut to seconds (RFC 9110,
// 6.6.1), and was written at some moment between the two. A proxy before the server
// may have written it. False: the answer does not tell, or came out of a cache.
func SkewOf(h http.Header, sent, received time.Time) (Skew, bool) {
	date, err := http.ParseTime(h.Get("Date"))
	if age := h.Get("Age"); err != nil || age != "" && age != "0" {
		return 0, false
	}
	least, most := date.Sub(received), date.Add(time.Second).Sub(sent)
	return Skew(max(least, min(most, 0))), true
}

// Bound is what breaks when clocks differ by so much; the zero Bound breaks nothing.
type Bound struct {
	By     time.Duration
	Breaks string // such as "slash commands are refused"
}

// Tolerance is how far the clock of a platform may be ahead of this machine's, and behind it.
type Tolerance struct{ Ahead, Behind Bound }

// Judge says what a skew of somebody's clock means: what is worth a remark, or
// an error when something breaks.
func (s Skew) Judge(whose string, t Tolerance) (remark string, err error) {
	by, where, b := time.Duration(s), "ahead of", t.Ahead
	if s < 0 {
		by, where, b = -by, "behind", t.Behind
	}
	fact := fmt.Sprintf("The clock of %s is %s %s this machine's", whose, by.Round(time.Second), where)
	const mend = "Set the one that is wrong; `timedatectl` tells whether this machine's is kept right"
	switch {
	case b.By > 0 && by >= b.By-onItsWay:
		return "", Problemf("clock", "%s: from %s on, %s. %s.", fact, b.By, b.Breaks, mend)
	case by < notableSkew:
		return "", nil
	case b.By > 0:
		return fmt.Sprintf("%s. Nothing breaks yet; from %s on, %s. %s.", fact, b.By, b.Breaks, mend), nil
	}
	return fmt.Sprintf("%s. Times here and there will not agree. %s.", fact, mend), nil
}

// Undated is the remark about an answer that bears no time.
func Undated(whose string) string {
	return fmt.Sprintf("The answer of %s bears no time of its own, so its clock was not compared with this machine's.", whose)
}
