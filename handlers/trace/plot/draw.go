package plot

import (
	"cmp"
	"fmt"
	"image"
	"image/color"
	"time"
)

// The measures of the picture, in pixels. A phone shows 1000 of them in about
// 400 points, so a name of 32 is as large there as ordinary text.
const (
	pictureWidth = 1000
	edge         = 28
	gutter       = 16 // for the arrows of what goes on beyond the axis
	left         = edge + gutter
	right        = pictureWidth - edge - gutter

	titleSize = 42
	nameSize  = 32
	smallSize = 27
	lineStep  = 42 // of small lines

	nameLine = 42 // above the bars of a row
	rowSpace = 14 // below them
	laneGap  = 4
	minBar   = 4 // what is shorter is drawn so long, to be seen
	mergeGap = 2 // bars that are nearer than this are drawn as one
	arrow    = 14

	tickRoom  = 130 // for one label of the axis
	mostTicks = (right - left) / tickRoom
	manyRows  = 7 // from so many on the axis is below the rows, too
)

// Blue and vermilion are Okabe and Ito's, told apart in every kind of colour
// blindness; their brightness differs, too.
var (
	white     = color.RGBA{0xff, 0xff, 0xff, 0xff}
	ink       = color.RGBA{0x11, 0x11, 0x11, 0xff}
	grey      = color.RGBA{0x55, 0x55, 0x55, 0xff}
	pale      = color.RGBA{0xd8, 0xd8, 0xd8, 0xff}
	shade     = color.RGBA{0xff, 0xf3, 0xbf, 0xff}
	faint     = color.RGBA{0xff, 0xfb, 0xe8, 0xff} // of a window that is still open
	blue      = color.RGBA{0x00, 0x72, 0xb2, 0xff}
	vermilion = color.RGBA{0xd5, 0x5e, 0x00, 0xff}
)

// placed is a row with its bars.
type placed struct {
	row
	lanes [][]bar
	peak  int
	lane  int // the height of a lane
}

func (p placed) height() int {
	return nameLine + len(p.lanes)*(p.lane+laneGap) - laneGap + rowSpace
}

func render(c Chart, t times, rows []row, sum tally) ([]byte, error) {
	var all []placed
	height := headHeight(sum) + axisHeight + markHeight
	for _, r := range rows {
		p := place(t, r)
		all = append(all, p)
		height += p.height()
	}
	if len(rows) >= manyRows {
		height += axisHeight
	}
	height += edge
	s, err := newSheet(pictureWidth, height)
	if err != nil {
		return nil, err
	}
	drawHead(s, c, sum)
	y := drawAxis(s, t, headHeight(sum), true)
	bottom := y + markHeight
	for _, p := range all {
		bottom += p.height()
	}
	drawShade(s, c, t, y, bottom)
	drawMarks(s, t, y)
	y += markHeight
	labels := map[string]int{}
	for i, p := range all {
		drawTimes(s, t, y+nameLine, y+p.height()-rowSpace/2)
		drawRow(s, t, p, y, labels)
		y += p.height()
		if i < len(all)-1 {
			s.fill(image.Rect(left, y-rowSpace/2, right, y-rowSpace/2+1), pale)
		}
	}
	if len(rows) >= manyRows {
		drawAxis(s, t, y, false)
	}
	return s.png()
}

// place turns times into bars.
func place(t times, r row) placed {
	bars := make([]bar, 0, len(r.spans))
	for _, s := range r.spans {
		b := bar{from: t.x(s.From), to: t.x(s.To), open: s.Open, possible: s.possible}
		b.before = s.From.IsZero() || s.From.Before(t.from)
		b.after = s.To.After(t.to)
		if s.From.IsZero() && s.To.IsZero() { // it may have been at any time
			b.to = right
		}
		b.from = min(b.from, right-minBar)
		b.to = max(b.to, b.from+minBar)
		bars = append(bars, b)
	}
	p := placed{row: r}
	p.lanes, p.peak = lanes(bars, mergeGap)
	switch len(p.lanes) {
	case 1:
		p.lane = 28
	case 2:
		p.lane = 18
	default:
		p.lane = 13
	}
	return p
}

// x is where a time is in the picture.
func (t times) x(at time.Time) int {
	return left + int(t.share(at)*float64(right-left)+0.5)
}

func headHeight(sum tally) int {
	lines := 2
	if sum.open > 0 {
		lines++
	}
	return edge + titleSize + lines*lineStep + lineStep/2
}

// drawHead writes what was asked and what the signs mean.
func drawHead(s *sheet, c Chart, sum tally) {
	room := pictureWidth - 2*edge
	y := edge + titleSize - 8
	title := shortened(harmless(c.Subject, s.shows), room, func(what string) int { return s.width(titleSize, what) })
	s.text(edge, y, titleSize, ink, title)
	y += lineStep + 4
	summary := sum.String()
	if !c.Trace.Complete {
		summary += "; not everything could be searched"
	}
	s.text(edge, y, smallSize, ink, summary)
	y += lineStep
	x := edge
	word := func(what string) {
		s.text(x+72, y, smallSize, ink, what)
		x += 72 + s.width(smallSize, what) + 36
	}
	swatch := func() image.Rectangle { return image.Rect(x, y-24, x+60, y+4) }
	drawConfirmed(s, swatch())
	word("confirmed")
	drawPossible(s, swatch())
	word("possible")
	s.fill(swatch(), shade)
	s.frame(swatch(), 1, grey)
	word("searched")
	if sum.open == 0 {
		return
	}
	y += lineStep
	x = edge
	s.dashes(image.Pt(x, y-10), image.Pt(x+60-arrow, y-10), 4, blue)
	s.triangle(image.Pt(x+60-arrow, y-10-arrow), image.Pt(x+60-arrow, y-10+arrow), image.Pt(x+60, y-10), blue)
	word("end not known: may still run")
}

// The heights of the axis and of the strip for the times that are marked.
const (
	axisHeight = 3 * 34
	markHeight = 36
)

// drawAxis writes the ticks' times, below that the days, and what they are.
func drawAxis(s *sheet, t times, y int, above bool) (below int) {
	at, step := t.ticks()
	title := fmt.Sprintf("Time in UTC, %d", t.from.Year())
	if last := t.to.Year(); last != t.from.Year() {
		title += fmt.Sprintf(" to %d", last)
	}
	clock, day := y+66, y+66+30
	if above {
		s.text(edge, y+30, smallSize, ink, title)
	} else {
		clock, day = y+30, y+60
		s.text(edge, y+90, smallSize, ink, title)
	}
	shown, free := "", 0
	for i, tick := range at {
		x := t.x(tick)
		centred := func(what string) (int, int) {
			w := s.width(smallSize, what)
			return max(edge, min(x-w/2, pictureWidth-edge-w)), w
		}
		if step < 24*time.Hour {
			what := tick.Format("15:04")
			from, _ := centred(what)
			s.text(from, clock, smallSize, ink, what)
		}
		what := tick.Format("2 Jan")
		if from, w := centred(what); what != shown && (i == 0 || from > free) {
			s.text(from, day, smallSize, ink, what)
			shown, free = what, from+w
		}
	}
	return y + axisHeight
}

// drawShade shades what was searched, and fainter what is still to come of it.
func drawShade(s *sheet, c Chart, t times, top, bottom int) {
	w := t.window
	if w.IsZero() {
		return
	}
	s.fill(image.Rect(t.x(w.From), top, max(t.x(w.To), t.x(w.From)+2), bottom), shade)
	if open := c.Trace.Query.OpenUntil; open.After(w.To) {
		s.fill(image.Rect(t.x(w.To), top, t.x(open), bottom), faint)
	}
}

// drawMarks names the time that was asked about, and now.
func drawMarks(s *sheet, t times, top int) {
	free := edge
	for _, mark := range []struct {
		at   time.Time
		what string
	}{{t.asked, "asked"}, {t.now, "now"}} {
		if mark.at.IsZero() {
			continue
		}
		w := s.width(smallSize, mark.what)
		x := max(edge, min(t.x(mark.at)-w/2, pictureWidth-edge-w))
		if x < free {
			continue
		}
		s.text(x, top+26, smallSize, ink, mark.what)
		free = x + w + smallSize
	}
}

// drawTimes draws the ticks and the marked times beside the bars of one row, so
// that they do not cross names.
func drawTimes(s *sheet, t times, top, bottom int) {
	at, _ := t.ticks()
	for _, tick := range at {
		x := t.x(tick)
		s.fill(image.Rect(x-1, top, x+1, bottom), pale)
	}
	if !t.asked.IsZero() {
		x := t.x(t.asked)
		s.fill(image.Rect(x-1, top, x+2, bottom), ink)
	}
	if !t.now.IsZero() {
		x := t.x(t.now)
		s.dashes(image.Pt(x, top), image.Pt(x, bottom), 3, grey)
	}
}

// drawRow draws a person's name, how many jobs, and the bars below. labels
// counts the names that were drawn, so that two are never the same.
func drawRow(s *sheet, t times, p placed, y int, labels map[string]int) {
	said := count(p.jobs, "job", "jobs")
	if p.peak > maxLanes {
		said += fmt.Sprintf(", %d at once", p.peak)
	}
	if p.possible {
		said = "possible, " + said
	}
	w := s.width(smallSize, said)
	s.text(right-w, y+34, smallSize, grey, said)
	measure := func(what string) int { return s.width(nameSize, what) }
	room := right - w - 24 - left
	name := cmp.Or(harmless(p.name, s.shows), "(no name)")
	label := shortened(name, room, measure)
	labels[label]++
	if n := labels[label]; n > 1 {
		number := fmt.Sprintf(" (%d)", n)
		label = shortened(name, room-measure(number), measure) + number
	}
	s.text(left, y+34, nameSize, ink, label)
	y += nameLine
	for _, lane := range p.lanes {
		for _, b := range lane {
			drawBar(s, t, b, y, p.lane)
		}
		y += p.lane + laneGap
	}
}

func drawBar(s *sheet, t times, b bar, y, height int) {
	r := image.Rect(b.from, y, b.to, y+height)
	colour := blue
	if b.possible {
		colour = vermilion
		drawPossible(s, r)
	} else {
		drawConfirmed(s, r)
	}
	middle, half := y+height/2, min(height/2, arrow)
	if b.before {
		s.triangle(image.Pt(left, middle-half), image.Pt(left, middle+half), image.Pt(left-arrow, middle), colour)
	}
	switch {
	case b.after:
		s.triangle(image.Pt(b.to, middle-half), image.Pt(b.to, middle+half), image.Pt(b.to+arrow, middle), colour)
	case b.open:
		end := right
		if !t.now.IsZero() {
			end = t.x(t.now) - arrow
		}
		end = max(b.to, min(max(end, b.to+2*arrow), right))
		s.dashes(image.Pt(b.to, middle), image.Pt(end, middle), 4, colour)
		s.triangle(image.Pt(end, middle-half), image.Pt(end, middle+half), image.Pt(end+arrow, middle), colour)
	}
}

func drawConfirmed(s *sheet, r image.Rectangle) { s.fill(r, blue) }

func drawPossible(s *sheet, r image.Rectangle) {
	s.fill(r, white)
	s.hatch(r, vermilion)
	s.frame(r, min(3, r.Dx()/2), vermilion)
}
