package trouble

import "io"

// Bounded reads at most so many bytes from r, and then fails with over: what a
// server sends may have no end.
func Bounded(r io.Reader, most int64, over error) io.Reader {
	return &bounded{from: r, left: most, over: over}
}

type bounded struct {
	from io.Reader
	left int64
	over error
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, b.over
	}
	n, err := b.from.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
