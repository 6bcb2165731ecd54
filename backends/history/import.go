package history

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// Report says what an import came to. An import that was stopped reports what
// it had stored by then.
type Report struct {
	Files     int   // that were read to their end
	Records   int64 // that were understood
	New       int64
	Replaced  int64 // they took the place of an older copy
	Unchanged int64 // they, or a later copy, were there already
	Rejected  int64 // pieces that are no records
	Undated   int64 // records without any date of the job: possible at any time
	Ahead     int64 // records with dates in the future: some clock was wrong
	Resumed   int   // files that were read on from where an earlier import stopped
	Problems  []Problem
}

// maxProblems bounds the problems that are listed; all are counted.
const maxProblems = 100

// Problem is something in a file that is no record.
type Problem struct {
	File string `json:"file"`
	Line int64  `json:"line"` // the first is 1
	Byte int64  `json:"byte"` // bytes before it, after decompression
	Why  string `json:"why"`
}

// String gives FILE:LINE (byte N): WHY.
func (p Problem) String() string {
	return fmt.Sprintf("%s:%d (byte %d): %s", p.File, p.Line, p.Byte, p.Why)
}

// Progress is how far an import is. BytesTotal is 0 when it is not known.
type Progress struct {
	FilesDone, FilesTotal int
	BytesDone, BytesTotal int64 // of the files as they are, compressed or not
	Records, Rejected     int64
}

// sizes are those of what goes through an import at once; together they bound
// its memory.
type sizes struct {
	batch  int // bytes of text that one worker decodes at a time
	pieces int // of one batch at most

	// Of one transaction about. Larger ones are cheaper, and hold the lock longer.
	rows     int
	postings int
}

var usual = sizes{batch: 512 << 10, pieces: 20_000, rows: 50_000, postings: 700_000}

// idle is how long a transaction waits for more to read: another import may wait
// for its end, and a pipe may say nothing for hours.
const idle = time.Second

// Import reads files, folders of files and standard input ("-") into the store:
// condor_history and condor_q -json or -jsonl, condor_history -epochs, bulk files
// and search answers of Elasticsearch with documents of es-cms or MONIT; plain,
// gzip or zstd. progress may be nil.
//
// What is no record is counted and listed, and the rest is imported. Importing
// again changes nothing; of two copies of a record the later one is kept. When
// ctx ends, or the disk is full, what was read so far is stored, and an import of
// the same file goes on there.
func (s *Store) Import(ctx context.Context, paths []string, stdin io.Reader, progress func(Progress)) (Report, error) {
	files, err := filesOf(paths)
	if err != nil {
		return Report{}, err
	}
	if progress == nil {
		progress = func(Progress) {}
	}
	now := time.Now().UTC()
	im := &importer{store: s, now: now, progress: progress, putter: s.putter(now)}
	defer im.putter.abandon()
	im.at.FilesTotal = len(files)
	for _, f := range files {
		im.at.BytesTotal += f.size
	}
	for _, f := range files {
		if err := im.file(ctx, f, stdin); err != nil {
			return im.report, fmt.Errorf("history: importing %s: %w", f.path, explain(err))
		}
	}
	return im.report, nil
}

// importer is one import.
type importer struct {
	store    *Store
	now      time.Time
	report   Report
	at       Progress
	progress func(Progress)
	putter   *putter
	earlier  int64 // bytes of the files before this one
}

// batch is text on its way to becoming rows.
type batch struct {
	text   strings.Builder
	pieces []located
	after  place
	read   int64 // bytes of the file
	done   chan decoded
}

// located is a piece whose data lie in a batch's text, from and to there.
type located struct {
	piece
	from, to int
}

type decoded struct {
	rows     []row
	problems []piece
}

// file imports one file: one goroutine splits it, several decode, and this one
// stores, in the file's order, so that where it stopped is one place.
func (im *importer) file(ctx context.Context, f *file, stdin io.Reader) error {
	if err := f.resume(ctx, im.store.db); err != nil {
		return err
	}
	if f.from != (place{}) {
		im.report.Resumed++
	}
	counted := &counter{}
	r, closeFile, err := f.open(stdin, counted)
	if err != nil {
		f.place, f.rejected, f.ended = place{}, 1, true
		im.reject(f, piece{problem: fmt.Sprintf("the file cannot be read: %v", err)})
		if err := im.commit(ctx, f); err != nil {
			return err
		}
		im.done(f)
		return nil
	}
	reading, stop := context.WithCancel(ctx)
	defer stop()
	batches := split(reading, newSplitter(r, f.from), counted, im.store.sizes, im.now)
	err = im.collect(ctx, f, batches)
	if err != nil && f.identity == "" {
		return err // nobody can wake the reader of a pipe from waiting for its next line
	}
	stop()
	for range batches {
	}
	closeFile()
	if err != nil {
		return err
	}
	im.report.Files++
	im.done(f)
	return nil
}

// done notes that a file needs no more reading.
func (im *importer) done(f *file) {
	im.at.FilesDone++
	im.earlier += f.size
	im.at.BytesDone = im.earlier
	im.progress(im.at)
}

// collect stores what comes, and at the end that it was the end.
func (im *importer) collect(ctx context.Context, f *file, batches <-chan *batch) error {
	var waited <-chan time.Time
	for ctx.Err() == nil {
		var b *batch
		select {
		case <-ctx.Done():
			continue
		case <-waited:
			waited = nil
			if err := im.commit(ctx, f); err != nil {
				return err
			}
			im.progress(im.at)
			continue
		case b = <-batches:
		}
		if b == nil {
			break
		}
		d := <-b.done
		// Also when ctx ends meanwhile: it was read.
		if err := im.putter.put(context.WithoutCancel(ctx), d.rows); err != nil {
			return err
		}
		f.rejected, f.beyond = f.rejected+f.beyond, 0
		for _, p := range d.problems {
			im.reject(f, p)
			if p.at.Offset < b.after.Offset {
				f.rejected++
			} else {
				f.beyond++
			}
		}
		f.place = b.after
		im.at.BytesDone = im.earlier + b.read
		if im.putter.full() {
			if err := im.commit(ctx, f); err != nil {
				return err
			}
		}
		waited = time.After(idle)
		im.progress(im.at)
	}
	if f.ended = ctx.Err() == nil; f.ended {
		f.rejected += f.beyond
	}
	if err := im.commit(ctx, f); err != nil {
		return err
	}
	return ctx.Err()
}

// commit stores what was put and how far its file was read, and counts it.
func (im *importer) commit(ctx context.Context, f *file) error {
	c, err := im.putter.commit(context.WithoutCancel(ctx), f)
	if err != nil {
		return err
	}
	im.report.Records += c.records
	im.report.New += c.added
	im.report.Replaced += c.replaced
	im.report.Unchanged += c.unchanged
	im.report.Undated += c.undated
	im.report.Ahead += c.ahead
	im.at.Records = im.report.Records
	return nil
}

func (im *importer) reject(f *file, p piece) {
	im.report.Rejected++
	im.at.Rejected = im.report.Rejected
	if len(im.report.Problems) < maxProblems {
		im.report.Problems = append(im.report.Problems, Problem{File: f.path, Line: p.at.Line + 1, Byte: p.at.Offset, Why: p.problem})
	}
}

// split reads a stream in batches, in order, each of which is being decoded
// when it arrives. It ends with the stream, with what cannot be read, or with ctx.
func split(ctx context.Context, s *splitter, counted *counter, at sizes, now time.Time) <-chan *batch {
	workers := runtime.GOMAXPROCS(0)
	work := make(chan *batch)
	out := make(chan *batch, 2*workers)
	for range workers {
		go func() {
			r := newReader()
			for b := range work {
				b.done <- b.decode(r, now)
			}
		}()
	}
	go func() {
		defer close(out)
		defer close(work)
		for ended := false; !ended && ctx.Err() == nil; {
			var b *batch
			b, ended = read(s, at)
			b.read = counted.n
			select {
			case out <- b: // before it is worked on, so that the order stays
			case <-ctx.Done():
				return
			}
			work <- b
		}
	}()
	return out
}

// read fills a batch, and reports whether it is the last one.
func read(s *splitter, at sizes) (*batch, bool) {
	b := &batch{done: make(chan decoded, 1)}
	b.text.Grow(at.batch + at.batch/16)
	for b.text.Len() < at.batch && len(b.pieces) < at.pieces {
		p, err := s.read()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				b.pieces = append(b.pieces, located{piece: piece{at: s.at, problem: fmt.Sprintf("the file cannot be read any further: %v", err)}})
			}
			b.after = s.whole
			return b, true
		}
		from := b.text.Len()
		b.text.Write(p.data)
		p.data = nil
		b.pieces = append(b.pieces, located{p, from, b.text.Len()})
	}
	b.after = s.whole
	return b, false
}

// decode makes rows of a batch.
func (b *batch) decode(r *reader, now time.Time) decoded {
	text := b.text.String()
	d := decoded{rows: make([]row, 0, len(b.pieces))}
	r.data, r.keys = make([]byte, 0, min(len(text), 640*len(b.pieces))), make([]int64, 0, 16*len(b.pieces))
	for _, p := range b.pieces {
		if p.problem == "" {
			row, err := r.read(text[p.from:p.to], now)
			switch {
			case err == nil:
				d.rows = append(d.rows, row)
				continue
			case errors.Is(err, errNoRecord):
				continue
			}
			p.problem = err.Error()
			if p.withHits && errors.Is(err, grid.ErrNoJobID) {
				p.problem = noShards
			}
		}
		d.problems = append(d.problems, p.piece)
	}
	return d
}

// counter counts what is read through it.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
