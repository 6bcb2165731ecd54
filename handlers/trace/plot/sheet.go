package plot

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"sync"

	xfont "golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
)

// dpi makes a point, the library's unit, two pixels, so that lines and letters
// are sharp on the screens of phones.
const dpi = 144

// typeface is the only font in the picture. It has Latin, Greek and Cyrillic.
var typeface = sync.OnceValues(func() (*opentype.Font, error) { return opentype.Parse(goregular.TTF) })

// sheet is what is drawn on, in pixels from the left and the top.
type sheet struct {
	image  *image.RGBA
	letter *opentype.Font
	faces  map[int]xfont.Face // by size; not for two goroutines
}

func newSheet(width, height int) (*sheet, error) {
	letter, err := typeface()
	if err != nil {
		return nil, fmt.Errorf("plot: the font: %w", err)
	}
	s := &sheet{image: image.NewRGBA(image.Rect(0, 0, width, height)), letter: letter, faces: map[int]xfont.Face{}}
	for _, size := range []int{titleSize, nameSize, smallSize} {
		face := font.Face{Font: font.Font{Size: length(float64(size))}, Face: letter}
		s.faces[size] = face.FontFace(dpi)
	}
	s.fill(s.image.Bounds(), white)
	return s, nil
}

func length(pixels float64) vg.Length { return vg.Points(pixels * 72 / dpi) }

// point is a place on the sheet; unlike elsewhere in the library, y counts
// downwards.
func point(x, y float64) vg.Point { return vg.Point{X: length(x), Y: length(y)} }

// png gives the picture's bytes. With few colours they are a fraction in size,
// and made in a fraction of the time.
func (s *sheet) png() ([]byte, error) {
	var b bytes.Buffer
	e := png.Encoder{CompressionLevel: png.BestSpeed}
	var img image.Image = s.image
	if few, ok := s.fewColours(); ok {
		img = few
	}
	if err := e.Encode(&b, img); err != nil {
		return nil, fmt.Errorf("plot: writing the picture: %w", err)
	}
	return b.Bytes(), nil
}

// fewColours keeps the colours of areas as they are and rounds those of the
// letters' edges. False when it still has too many.
func (s *sheet) fewColours() (*image.Paletted, bool) {
	out := image.NewPaletted(s.image.Bounds(), nil)
	index := map[color.RGBA]uint8{}
	add := func(c color.RGBA) bool {
		if len(out.Palette) == 256 {
			return false
		}
		index[c] = uint8(len(out.Palette))
		out.Palette = append(out.Palette, c)
		return true
	}
	for _, c := range []color.RGBA{white, ink, grey, pale, shade, faint, blue, vermilion} {
		add(c)
	}
	rounded := func(v uint8) uint8 { return v&0xf0 | v>>4 }
	var last color.RGBA
	var at uint8
	for i, n := 0, len(out.Pix); i < n; i++ {
		p := s.image.Pix[4*i : 4*i+4]
		if c := (color.RGBA{p[0], p[1], p[2], 0xff}); c != last {
			last = c
			known, ok := index[c]
			if !ok {
				near := color.RGBA{rounded(c.R), rounded(c.G), rounded(c.B), 0xff}
				if known, ok = index[near]; !ok {
					if !add(near) {
						return nil, false
					}
					known = index[near]
				}
			}
			at = known
		}
		out.Pix[i] = at
	}
	return out, true
}

func (s *sheet) fill(r image.Rectangle, c color.Color) {
	draw.Draw(s.image, r, image.NewUniform(c), image.Point{}, draw.Src)
}

// frame draws a line of a width inside the edges of r.
func (s *sheet) frame(r image.Rectangle, width int, c color.Color) {
	s.fill(image.Rect(r.Min.X, r.Min.Y, r.Max.X, r.Min.Y+width), c)
	s.fill(image.Rect(r.Min.X, r.Max.Y-width, r.Max.X, r.Max.Y), c)
	s.fill(image.Rect(r.Min.X, r.Min.Y, r.Min.X+width, r.Max.Y), c)
	s.fill(image.Rect(r.Max.X-width, r.Min.Y, r.Max.X, r.Max.Y), c)
}

// hatch draws lines from the lower left to the upper right inside r.
func (s *sheet) hatch(r image.Rectangle, c color.Color) {
	const apart, half = 12, 1.1
	var p vg.Path
	bottom, top := float64(r.Max.Y), float64(r.Min.Y)
	// A line's x is at its lower end; all lines of the picture are on one raster.
	for x := (r.Min.X-r.Dy())/apart*apart - apart; x < r.Max.X; x += apart {
		from, to := float64(x), float64(x+r.Dy())
		p.Move(point(from-half, bottom-half))
		p.Line(point(to-half, top-half))
		p.Line(point(to+half, top+half))
		p.Line(point(from+half, bottom+half))
		p.Close()
	}
	s.area(r, p, c)
}

// area fills what a path of straight lines encloses, as far as it is in r.
func (s *sheet) area(r image.Rectangle, p vg.Path, c color.Color) {
	z := vector.NewRasterizer(r.Dx(), r.Dy())
	for _, part := range p {
		x, y := float32(part.Pos.X.Dots(dpi))-float32(r.Min.X), float32(part.Pos.Y.Dots(dpi))-float32(r.Min.Y)
		switch part.Type {
		case vg.MoveComp:
			z.MoveTo(x, y)
		case vg.LineComp:
			z.LineTo(x, y)
		case vg.CloseComp:
			z.ClosePath()
		}
	}
	z.Draw(s.image, r, image.NewUniform(c), image.Point{})
}

// dashes draws a broken line, level or upright.
func (s *sheet) dashes(from, to image.Point, width int, c color.Color) {
	const on, off = 10, 6
	for x := from.X; from.Y == to.Y && x < to.X; x += on + off {
		s.fill(image.Rect(x, from.Y-width/2, min(x+on, to.X), from.Y-width/2+width), c)
	}
	for y := from.Y; from.X == to.X && y < to.Y; y += on + off {
		s.fill(image.Rect(from.X-width/2, y, from.X-width/2+width, min(y+on, to.Y)), c)
	}
}

// triangle fills the area between three points.
func (s *sheet) triangle(a, b, c image.Point, colour color.Color) {
	var p vg.Path
	p.Move(point(float64(a.X), float64(a.Y)))
	p.Line(point(float64(b.X), float64(b.Y)))
	p.Line(point(float64(c.X), float64(c.Y)))
	p.Close()
	around := image.Rect(min(a.X, b.X, c.X), min(a.Y, b.Y, c.Y), max(a.X, b.X, c.X), max(a.Y, b.Y, c.Y))
	s.area(around, p, colour)
}

// text writes in one of the sizes, from x on the base line y.
func (s *sheet) text(x, y, size int, c color.Color, what string) {
	d := xfont.Drawer{Dst: s.image, Src: image.NewUniform(c), Face: s.faces[size], Dot: fixed.P(x, y)}
	d.DrawString(what)
}

// width is how wide a text in a size is, in pixels.
func (s *sheet) width(size int, what string) int {
	return xfont.MeasureString(s.faces[size], what).Ceil()
}

// shows reports whether the font has a sign.
func (s *sheet) shows(r rune) bool {
	var b sfnt.Buffer
	i, err := s.letter.GlyphIndex(&b, r)
	return err == nil && i != 0
}
