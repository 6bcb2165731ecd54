package plot

import (
	"bytes"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

var update = flag.Bool("update", false, "write the picture of the docs anew")

// seen is a decoded picture, with what the test knows of where things must be.
type seen struct {
	image.Image
	t    *testing.T
	time times
	rows []placed
	top  int // of the strip above the rows
}

func look(t *testing.T, c Chart) seen {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(drawn(t, c).PNG))
	if err != nil {
		t.Fatal(err)
	}
	all := c.rows()
	s := seen{Image: img, t: t, time: c.times(), top: headHeight(c.tally(all)) + axisHeight}
	for _, r := range folded(all) {
		s.rows = append(s.rows, place(s.time, r))
	}
	return s
}

// at is the middle of a lane of a row, at a time.
func (s seen) at(row, lane int, when time.Time) image.Point {
	y := s.top + markHeight
	for _, r := range s.rows[:row] {
		y += r.height()
	}
	r := s.rows[row]
	return image.Pt(s.time.x(when), y+nameLine+lane*(r.lane+laneGap)+r.lane/2)
}

func (s seen) colour(p image.Point) color.RGBA {
	r, g, b, a := s.At(p.X, p.Y).RGBA()
	return color.RGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), uint8(a >> 8)}
}

func (s seen) is(want color.RGBA, p image.Point, what string) {
	s.t.Helper()
	if got := s.colour(p); got != want {
		s.t.Errorf("%s: at %v is %v, want %v", what, p, got, want)
	}
}

// parts counts the pixels of each colour in an area.
func (s seen) parts(r image.Rectangle) map[color.RGBA]int {
	out := map[color.RGBA]int{}
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			out[s.colour(image.Pt(x, y))]++
		}
	}
	return out
}

func TestWhatIsWhere(t *testing.T) {
	t.Parallel()
	s := look(t, few())
	var names []string
	for _, r := range s.rows {
		names = append(names, r.name)
	}
	if got := fmt.Sprint(names); got != "[jdoe naughtyuser aschmidt mmcdonald]" {
		t.Fatalf("rows %s", got)
	}
	strip := func(when time.Time, off int) image.Point { return image.Pt(s.time.x(when)+off, s.top+2) }
	s.is(white, strip(noon.Add(-10*time.Minute), -4), "before the window")
	s.is(shade, strip(noon.Add(-10*time.Minute), 2), "the window's beginning")
	s.is(shade, strip(later(30), -3), "the window's end")
	s.is(faint, strip(later(30), 3), "the window to come")

	// One after the other and overlapping, in lanes of their own.
	s.is(blue, s.at(0, 0, later(2)), "jdoe's first job")
	s.is(blue, s.at(0, 1, later(10)), "jdoe's second job, which overlaps it")
	s.is(shade, s.at(0, 0, later(0.9)), "before jdoe's first job")
	s.is(shade, s.at(0, 0, later(5)), "after it")
	s.is(shade, s.at(0, 1, later(1.5)), "before the second")
	s.is(blue, s.at(0, 0, later(14.1)), "a job of twelve minutes")
	s.is(ink, s.at(0, 0, noon), "the time asked about")

	// Beginning before the axis, and never seen to end.
	s.is(blue, s.at(1, 0, later(4)), "naughtyuser's first job")
	s.is(blue, image.Pt(left-arrow/2, s.at(1, 0, noon).Y), "its arrow to the left")
	s.is(shade, s.at(1, 0, later(5)), "after it")
	s.is(blue, s.at(1, 0, later(29)), "naughtyuser's running job")
	s.is(blue, image.Pt(s.time.x(later(29.5))+2*arrow+arrow/2, s.at(1, 0, noon).Y), "its arrow to the right")
	if got := s.parts(image.Rect(right-8, s.at(0, 0, noon).Y, right+gutter, s.at(0, 1, noon).Y)); got[blue] > 0 {
		t.Errorf("jdoe's jobs, which ended, have an arrow: %v", got)
	}

	// Possible: an outline and hatching, nothing solid.
	middle := s.at(2, 0, later(11))
	got := s.parts(image.Rect(middle.X-60, middle.Y-8, middle.X+60, middle.Y+8))
	if got[vermilion] < 200 || got[white] < 500 || got[blue] > 0 {
		t.Errorf("aschmidt's possible job: %v", got)
	}
	s.is(vermilion, s.at(2, 0, later(5)).Add(image.Pt(1, 3)), "its left edge")
	s.is(shade, s.at(2, 0, later(4.5)), "before it")
	s.is(shade, s.at(2, 0, later(17.5)), "after it")
}

// TestWithoutColours holds that a picture that lost its colours still tells
// confirmed from possible: the one is dark throughout, the other bright inside.
func TestWithoutColours(t *testing.T) {
	t.Parallel()
	s := look(t, few())
	bright := func(row, lane int, when time.Time) float64 {
		sum, n := 0, 0
		middle := s.at(row, lane, when)
		for y := middle.Y - 6; y < middle.Y+6; y++ {
			for x := middle.X - 20; x < middle.X+20; x++ {
				sum += int(color.GrayModel.Convert(s.At(x, y)).(color.Gray).Y)
				n++
			}
		}
		return float64(sum) / float64(n)
	}
	if c, p := bright(1, 0, later(25)), bright(2, 0, later(11)); c > 110 || p < c+60 {
		t.Errorf("confirmed is %.0f bright, possible %.0f", c, p)
	}
}

func TestNothingToDraw(t *testing.T) {
	t.Parallel()
	if p, ok, err := chart(asked(), later(60)).Draw(); ok || err != nil || len(p.PNG) > 0 {
		t.Errorf("drawn: %v, %d bytes, %v", ok, len(p.PNG), err)
	}
}

func TestTheSameTraceIsTheSamePicture(t *testing.T) {
	t.Parallel()
	a, b := drawn(t, many(300, 12)), drawn(t, many(300, 12))
	if !bytes.Equal(a.PNG, b.PNG) || a.Caption != b.Caption {
		t.Error("two pictures of one trace differ")
	}
}

func TestCaptions(t *testing.T) {
	t.Parallel()
	signs := " Solid bars are confirmed, hatched ones possible"
	for _, test := range []struct {
		c    Chart
		want string
	}{
		{few(), "2 people confirmed, 2 possible, 7 jobs, from 2026-06-24 09:56 to 2026-06-25 19:53 UTC." + signs + "; an arrow with dashes means that the end is not known (2 jobs); the time that was searched is shaded."},
		{
			chart(asked(), later(60), ran("1", "jdoe", 1, 2)),
			"1 person confirmed, 0 possible, 1 job, from 2026-06-24 08:49 to 2026-06-26 15:00 UTC." + signs + "; the time that was searched is shaded.",
		},
	} {
		if got := drawn(t, test.c).Caption; got != test.want {
			t.Errorf("caption\n%s\nwant\n%s", got, test.want)
		}
	}
}

// TestManyPeople holds that the picture is bounded, and says how many are not
// in a row of their own.
func TestManyPeople(t *testing.T) {
	t.Parallel()
	var all []grid.Sighting
	for i := range 500 {
		for k := range 8 {
			s := ran(fmt.Sprintf("%d.%d", i, k), fmt.Sprintf("user%03d", i), float64(k), float64(k)+4)
			if k > 3 {
				s = perhaps(s)
			}
			all = append(all, s)
		}
	}
	s := look(t, chart(asked(), later(60), all...))
	if n := len(s.rows); n != maxRows+1 || s.rows[maxRows].name != "… and 470 more" || s.rows[maxRows].jobs != 470*8 || len(s.rows[maxRows].spans) != 470*8 {
		t.Errorf("%d rows, the last is %q", n, s.rows[n-1].name)
	}
	if b := s.Bounds(); b.Dx() != pictureWidth || b.Dy() > 5000 {
		t.Errorf("the picture is %v", b)
	}
}

// TestWhereAPersonRan holds that the rows are hosts where one person was asked
// about.
func TestWhereAPersonRan(t *testing.T) {
	t.Parallel()
	q := asked()
	q.Kind, q.Host, q.User = grid.ByUser, "", "jdoe"
	a, b, c := ran("1", "jdoe", 1, 3), ran("2", "jdoe", 2, 5), perhaps(ran("3", "jdoe", 4, 6))
	b.Host = "wn7.example.net"
	s := look(t, chart(q, later(60), a, b, c))
	var got []string
	for _, r := range s.rows {
		got = append(got, fmt.Sprintf("%s %d %v", r.name, r.jobs, r.possible))
	}
	if want := "[wn042.example.org 1 false wn7.example.net 1 false no host in the records 1 true]"; fmt.Sprint(got) != want {
		t.Errorf("rows %v, want %s", got, want)
	}
	other := ran("4", "roe", 1, 2)
	if s := look(t, chart(q, later(60), a, b, c, other)); len(s.rows) != 2 || s.rows[0].name != "jdoe" {
		t.Errorf("%d rows of two people, the first %q", len(s.rows), s.rows[0].name)
	}
}

func TestTimesShown(t *testing.T) {
	t.Parallel()
	long := asked()
	long.Asked, long.Window = time.Time{}, grid.Window{From: later(-90 * 24), To: later(60)}
	none := ran("1", "jdoe", 1, 2)
	none.Job = grid.Job{ID: "1", Experiment: grid.CMS}
	for _, test := range []struct {
		name     string
		c        Chart
		from, to time.Time
	}{
		{"the window with some space", chart(asked(), later(60), ran("1", "jdoe", 1, 2)), later(-1.0 / 6).Add(-(48*time.Hour + 10*time.Minute) / 16), later(48).Add((48*time.Hour + 10*time.Minute) / 16)},
		{"months: the jobs", chart(long, later(60), ran("1", "jdoe", 1, 9), ran("2", "jdoe", 11, 17)), later(0), later(18)},
		{"months, and no dates", chart(long, later(60), perhaps(none)), later(-90 * 24).Add(-2220 * time.Hour / 16), later(60).Add(2220 * time.Hour / 16)},
		{"a window of nothing", chart(grid.Query{Asked: noon, Window: grid.Window{From: noon, To: noon}}, noon, ran("1", "jdoe", -1, 2)), noon.Add(-time.Minute), noon.Add(time.Minute)},
	} {
		if got := test.c.times(); !got.from.Equal(test.from) || !got.to.Equal(test.to) {
			t.Errorf("%s: %s to %s, want %s to %s", test.name, got.from, got.to, test.from, test.to)
		}
		drawn(t, test.c)
	}
}

func TestTicks(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		from, to time.Time
		want     string
	}{
		{noon, noon.Add(2 * time.Minute), "1m0s [12:01]"},
		{later(-1), later(5), "1h0m0s [12:00 13:00 14:00 15:00 16:00]"},
		{later(-3), later(51), "12h0m0s [12:00 00:00 12:00 00:00 12:00]"},
		{later(-24 * 90), later(24), "336h0m0s [00:00 00:00 00:00 00:00 00:00 00:00]"},
	} {
		at, step := times{from: test.from, to: test.to}.ticks()
		var clocks []string
		for _, a := range at {
			if !a.After(test.from) || !a.Before(test.to) {
				t.Errorf("tick %s is not between %s and %s", a, test.from, test.to)
			}
			clocks = append(clocks, a.Format("15:04"))
		}
		if got := fmt.Sprint(step, " ", clocks); got != test.want {
			t.Errorf("%s to %s: %s, want %s", test.from, test.to, got, test.want)
		}
	}
	at, _ := times{from: time.Time{}, to: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}.ticks()
	if len(at) > mostTicks {
		t.Errorf("%d ticks in ten thousand years", len(at))
	}
}

func TestLanes(t *testing.T) {
	t.Parallel()
	b := func(from, to int) bar { return bar{from: from, to: to} }
	open := func(from, to int) bar { return bar{from: from, to: to, open: true} }
	maybe := func(from, to int) bar { return bar{from: from, to: to, possible: true} }
	for _, test := range []struct {
		name string
		bars []bar
		want string
		peak int
	}{
		{"nothing", nil, "", 0},
		{"one after the other", []bar{b(50, 60), b(10, 20)}, "[10-20 50-60]", 0},
		{"nearer than the gap", []bar{b(10, 20), b(21, 30), b(32, 40)}, "[10-30 32-40]", 0},
		{"overlapping", []bar{b(10, 20), b(15, 30), b(25, 40)}, "[10-20 25-40] [15-30]", 0},
		{"after an open one", []bar{open(10, 20), b(30, 40)}, "[10-20>] [30-40]", 0},
		{"possible below", []bar{maybe(10, 20), b(10, 20)}, "[10-20] [10-20?]", 0},
		{"too many", []bar{b(10, 40), b(11, 41), b(12, 42), b(13, 43), b(60, 70), maybe(1, 2)}, "[10-43 60-70] [1-2?]", 4},
		{"too many open ones", []bar{open(10, 20), open(10, 20), open(10, 25), open(11, 20)}, "[10-25>]", 4},
	} {
		lanes, peak := lanes(test.bars, 2)
		var got []string
		for _, lane := range lanes {
			var bars []string
			for _, x := range lane {
				s := fmt.Sprintf("%d-%d", x.from, x.to)
				if x.open {
					s += ">"
				}
				if x.possible {
					s += "?"
				}
				bars = append(bars, s)
			}
			got = append(got, fmt.Sprint(bars))
		}
		if text := strings.Join(got, " "); text != test.want || peak != test.peak {
			t.Errorf("%s: %s, peak %d, want %s, peak %d", test.name, text, peak, test.want, test.peak)
		}
	}
}

// TestThePictureOfTheDocs holds that docs/pictures shows what is drawn today;
// with -update it is drawn anew. Letters may differ by a shade between machines.
func TestThePictureOfTheDocs(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "..", "docs", "pictures", "trace-plot.png")
	now := drawn(t, few()).PNG
	if *update {
		if err := os.WriteFile(path, now, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(kept) > 100_000 {
		t.Errorf("it has %d bytes", len(kept))
	}
	want, err := png.Decode(bytes.NewReader(kept))
	if err != nil {
		t.Fatal(err)
	}
	got := look(t, few())
	if got.Bounds() != want.Bounds() {
		t.Fatalf("the picture is %v, in the docs %v: run go test ./handlers/trace/plot -update", got.Bounds(), want.Bounds())
	}
	differ := 0
	for y := range want.Bounds().Dy() {
		for x := range want.Bounds().Dx() {
			a, b := color.GrayModel.Convert(got.At(x, y)).(color.Gray).Y, color.GrayModel.Convert(want.At(x, y)).(color.Gray).Y
			if max(a, b)-min(a, b) > 16 {
				differ++
			}
		}
	}
	if differ > 50 {
		t.Errorf("%d pixels differ from the docs: look at the picture, and run go test ./handlers/trace/plot -update", differ)
	}
}

// BenchmarkDraw is the picture of 1,000 jobs.
func BenchmarkDraw(b *testing.B) {
	for _, people := range []int{15, 40} {
		b.Run(fmt.Sprintf("%d people", people), func(b *testing.B) {
			c := many(1000, people)
			for b.Loop() {
				drawn(b, c)
			}
		})
	}
}

// rectOf is the area of a row.
func rectOf(s seen, row int) image.Rectangle {
	y := s.at(row, 0, noon).Y - s.rows[row].lane/2 - nameLine
	return image.Rect(0, y, pictureWidth, y+s.rows[row].height())
}
