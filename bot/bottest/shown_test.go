package bottest

import (
	"strings"
	"testing"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeserver"
)

// TestWhatPeopleSawIsWhatWasSaid holds that every difference between the two is
// found, and that what platforms set between the words is none.
func TestWhatPeopleSawIsWhatWasSaid(t *testing.T) {
	answer := bot.Say("*Nobody* ran on %s.", "wn_042\u202e")
	answer.Table = &bot.Table{Columns: []string{"who"}, Rows: [][]string{{"Naughty User"}}}
	posted := Said{How: Posted, ID: "m1", Message: answer}
	updated := Said{How: Updated, ID: "m1", Message: bot.Say("denied")}
	whispered := Said{How: Whispered, To: bot.Account{ID: "bob", Name: "bob"}, Message: bot.Say("%s", "one\ntwo")}
	seen := fakeserver.Seen{Kind: fakeserver.Posted, ID: "m1", Text: "**Nobody** ran on wn\\_042⟨U+202E⟩\\.\n| Naughty | \n User |"}
	edited := fakeserver.Seen{Kind: fakeserver.Edited, ID: "m1", Text: "denied"}
	first, second := fakeserver.Seen{Kind: fakeserver.Whispered, To: "bob", Text: "one"}, fakeserver.Seen{Kind: fakeserver.Whispered, To: "bob", Text: "two"}
	cut := fakeserver.Seen{Kind: fakeserver.Posted, ID: "m1", Text: "Nobody ran … All of it is in the file answer.txt."}
	whole := fakeserver.Seen{Kind: fakeserver.Posted, ID: "f1", Files: []string{"answer.txt"}, Data: [][]byte{[]byte(answer.Plain())}}
	for name, c := range map[string]struct {
		said []Said
		seen []fakeserver.Seen
		want string // of the failure, "" for none
	}{
		"the same":                    {[]Said{posted, updated, whispered}, []fakeserver.Seen{seen, edited, first, second}, ""},
		"nothing":                     {nil, nil, ""},
		"a post that nobody saw":      {[]Said{posted}, nil, "nobody saw this, which was posted"},
		"a change that nobody saw":    {[]Said{posted, updated}, []fakeserver.Seen{seen}, "nobody saw this, which was updated"},
		"half of a whisper":           {[]Said{whispered}, []fakeserver.Seen{first}, "is missing in what bob saw"},
		"a whisper to another person": {[]Said{whispered}, []fakeserver.Seen{{Kind: fakeserver.Whispered, To: "eve", Text: "one two"}}, "is missing in what bob saw"},
		"a word is missing":           {[]Said{posted}, []fakeserver.Seen{{Kind: fakeserver.Posted, ID: "m1", Text: "Nobody ran on wn042. Naughty"}}, `"User" is missing`},
		"something nobody said":       {nil, []fakeserver.Seen{first}, "nobody said it"},
		"the same twice":              {[]Said{posted}, []fakeserver.Seen{seen, seen}, "nobody said it"},
		"what is whole in a file":     {[]Said{posted}, []fakeserver.Seen{whole, cut}, ""},
		"a file that was not shared":  {[]Said{posted}, []fakeserver.Seen{cut}, "is missing in what people saw"},
		"a file of nobody's":          {nil, []fakeserver.Seen{{Kind: fakeserver.Posted, ID: "f1", Files: []string{"other.csv"}}}, "nobody said it"},
	} {
		err := unaccounted(c.said, c.seen)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", name, err, c.want)
		}
	}
	if err := overflowed(posted, []fakeserver.Seen{whole, cut}); err != nil {
		t.Errorf("a summary: %v", err)
	}
	for name, all := range map[string][]fakeserver.Seen{
		"it fits": {seen}, "no file has all of it": {cut}, "nobody saw it": {whole}, "it fits:": {whole, seen},
	} {
		if err := overflowed(posted, all); err == nil || name != "it fits" && !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
