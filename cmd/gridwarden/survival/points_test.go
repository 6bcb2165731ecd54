//go:build crash

package survival

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// point is a place in the program where it is killed.
type point struct {
	name string
	what string
	most int // passages among which one is chosen
}

// points are all of them, in the order of the design: the twelve hops, the
// transitions of an action, the sequencer.
var points = []point{
	{"1", "received from the platform", 8},
	{"2 before", "before the event is in the inbox", 8},
	{"2 after", "the event is in the inbox, the platform not acknowledged", 8},
	{"3", "the platform is acknowledged", 8},
	{"4", "parsed", 8},
	{"5", "the command is found", 8},
	{"6", "person, role, channel and rate are checked", 8},
	{"7 before", "before the record that the command may run", 8},
	{"7 after", "after that record", 8},
	{"8 run before", "before a command or decision runs", 8},
	{"8 run after", "after it ran", 8},
	{"8 plan before", "before the plan of an action", 4},
	{"8 plan after", "after the plan", 4},
	{"8 propose after", "the action is stored, its request not answered", 4},
	{"9 before", "before the answer is stored", 8},
	{"9 after", "after the answer is stored", 8},
	{"10", "a message is taken from the outbox", 8},
	{"11 post before", "before a message is posted", 8},
	{"11 update before", "before a card is changed", 4},
	{"12 before", "the message is posted, which is not noted", 8},
	{"12 after", "and is noted", 8},
	{"proposed before", "before an action is stored", 4},
	{"proposed after", "after", 4},
	{"approved before", "a first vote, in its transaction", 1},
	{"approved after", "after it", 1},
	{"quorum reached before", "the last vote, in its transaction", 3},
	{"quorum reached after", "after it", 3},
	{"read back", "the cards are read back, nothing is started", 3},
	{"started before", "the start, in its transaction", 3},
	{"started after", "after it, nothing is applied", 3},
	{"apply before", "before the effect on the grid", 4},
	{"apply after", "after the effect, no step is stored", 4},
	{"stepped before", "a step that is not the last, in its transaction", 1},
	{"stepped after", "after it", 1},
	{"step failed before", "a failed try, in its transaction", 3},
	{"step failed after", "after it", 3},
	{"applied before", "the last step, in its transaction", 3},
	{"applied after", "after it", 3},
	{"work done before", "timed work was done, which is not noted", 6},
	{"look before", "before a look whether it took effect", 4},
	{"look after", "after the look", 4},
	{"verified before", "a look that settles nothing, in its transaction", 2},
	{"verified after", "after it", 2},
	{"settled before", "the end, in its transaction", 3},
	{"settled after", "after it", 3},
	{"denied before", "a denial, in its transaction", 1},
	{"denied after", "after it", 1},
	{"withdrawn before", "a withdrawal, in its transaction", 1},
	{"withdrawn after", "after it", 1},
	{"expired before", "an expiry, in its transaction", 1},
	{"expired after", "after it", 1},
	{"failed before", "the failure after the last try, in its transaction", 1},
	{"failed after", "after it", 1},
	{"checkpoint unsigned", "records have their places, no checkpoint is signed", 3},
	{"checkpoint signed", "it is signed, and not committed", 3},
	{"checkpoint committed", "it is committed, and not kept outside", 3},
	{"checkpoint written outside", "it is in a file beside its place outside", 3},
	{"checkpoint kept outside", "it is in its place", 3},
}

// TestEveryPointIsListed reads the names of the points from the source.
func TestEveryPointIsListed(t *testing.T) {
	listed := map[string]bool{}
	for _, p := range points {
		listed[p.name] = true
	}
	found := 0
	root := filepath.Join("..", "..", "..")
	for _, dir := range []string{"bot", filepath.Join("bot", "bottest", "room"), filepath.Join("backends", "journal")} {
		files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if literal, ok := pointAt(n); ok {
					found++
					if !listed[literal] {
						t.Errorf("%s has the crash point %q, which is not in points", name, literal)
					}
				}
				return true
			})
		}
	}
	if found < 20 {
		t.Errorf("only %d points were found", found)
	}
}

// pointAt gives the name in a call of crash.Point.
func pointAt(n ast.Node) (string, bool) {
	c, ok := n.(*ast.CallExpr)
	if !ok || len(c.Args) != 1 {
		return "", false
	}
	f, ok := c.Fun.(*ast.SelectorExpr)
	if !ok || f.Sel.Name != "Point" {
		return "", false
	}
	if of, ok := f.X.(*ast.Ident); !ok || of.Name != "crash" {
		return "", false
	}
	literal, ok := c.Args[0].(*ast.BasicLit)
	if !ok {
		return "", false
	}
	name, err := strconv.Unquote(literal.Value)
	return name, err == nil
}

// kill is one end of a process: at a point, some time after its start, or when
// something has happened.
type kill struct {
	point string // name:passage
	after time.Duration
	when  <-chan struct{}
	rest  func() // before the next start; nil: at once
}

func (k kill) name() string {
	if k.point == "" {
		return "at a random moment"
	}
	name, _, _ := strings.Cut(k.point, ":")
	return name
}

func (k kill) String() string {
	if k.point == "" {
		return k.after.String() + " after the start"
	}
	return k.point
}

// plan is what one run does. It follows from its number alone.
type plan struct {
	number   int
	database string
	kills    []kill
	failing  bool // an action whose backend fails until it is given up
	dice     *rand.Rand
}

func (p plan) String() string {
	return fmt.Sprintf("run %d on %s, killed at %v", p.number, p.database, p.kills)
}

// planOf gives the plan of a run. Of four runs, three take the points in turn,
// on both databases by turns; the fourth kills several times wherever.
func planOf(number int) plan {
	p := plan{number: number, dice: rand.New(rand.NewPCG(uint64(number), 2))}
	databases := []string{onSQLite, onPostgres}
	at := func(i int) kill {
		return kill{point: fmt.Sprintf("%s:%d", points[i].name, 1+p.dice.IntN(points[i].most))}
	}
	if number%4 == 3 {
		p.database = databases[number/4%2]
		for range 2 + p.dice.IntN(3) {
			k := kill{after: time.Duration(20+p.dice.IntN(2500)) * time.Millisecond}
			if p.dice.IntN(2) == 0 {
				k = at(p.dice.IntN(len(points)))
			}
			p.kills = append(p.kills, k)
		}
	} else {
		k := number - number/4
		i := k % len(points)
		p.database = databases[(i+k/len(points))%2]
		p.kills = []kill{at(i)}
		if k < len(points) { // the first time, one that every run comes to
			p.kills[0].point = points[i].name + ":1"
		}
	}
	p.failing = slices.ContainsFunc(p.kills, func(k kill) bool { return strings.Contains(k.point, "failed") })
	return p
}

// largest is the size of a release, in bytes. One method that is looked up by
// name at run time makes the linker keep all of them, which is more than that:
// docs/adr/0017 says how to find it.
const largest = 40_000_000

// TestReleasesHaveNoCrashPoints looks for the switch in a build without the tag,
// which is also as small as it should be.
func TestReleasesHaveNoCrashPoints(t *testing.T) {
	const release = "grpcnotrace"
	for tags, want := range map[string]bool{release: false, "crash": true} {
		name := filepath.Join(t.TempDir(), "gridwarden")
		if out, err := goBuild(t, name, tags); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if tags == release && len(data) > largest {
			t.Errorf("a release has %d bytes", len(data))
		}
		for _, trace := range []string{"GRIDWARDEN_CRASH", "bot/crash.Point", "bot/bottest"} {
			if got := strings.Contains(string(data), trace); got != want {
				t.Errorf("with the tags %q, that the program holds %q is %t", tags, trace, got)
			}
		}
	}
}
