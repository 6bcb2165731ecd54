package history

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
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
	rows   int // of one transaction at most
	put    int // bytes of one transaction at most
}

var usual = sizes{batch: 512 << 10, pieces: 20_000, rows: 14_000, put: 16 << 20}

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
	im := &importer{store: s, now: time.Now().UTC(), progress: progress}
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
	earlier  int64 // bytes of the files before this one
}

// batch is text on its way to becoming rows.
type batch struct {
	text   []byte
	pieces []piece // their data lie in text
	after  place
	read   int64 // bytes of the file
	done   chan decoded
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
		if err := im.count(im.write(ctx, nil, f)); err != nil {
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

// collect stores what comes, and at the end that it was the end. While one
// transaction is written, the rows of the next one are gathered.
func (im *importer) collect(ctx context.Context, f *file, batches <-chan *batch) error {
	var rows []row
	size := 0
	var writing <-chan written
	for ctx.Err() == nil {
		var b *batch
		select {
		case <-ctx.Done():
			continue
		case b = <-batches:
		}
		if b == nil {
			break
		}
		d := <-b.done
		rows = append(rows, d.rows...)
		for _, r := range d.rows {
			size += len(r.data) + len(r.keys)*24
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
		if len(rows) >= im.store.sizes.rows || size >= im.store.sizes.put {
			if err := im.count(writing); err != nil {
				return err
			}
			writing, rows, size = im.write(ctx, rows, f), nil, 0
		}
		im.progress(im.at)
	}
	if err := im.count(writing); err != nil {
		return err
	}
	// What was decoded when the import was told to stop is still stored.
	if f.ended = ctx.Err() == nil; f.ended {
		f.rejected += f.beyond
	}
	if err := im.count(im.write(ctx, rows, f)); err != nil {
		return err
	}
	return ctx.Err()
}

// written is what became of rows.
type written struct {
	rows []row
	counts
	err error
}

// write begins to store rows, and how far their file was read. It does so also
// when ctx has ended: they were read.
func (im *importer) write(ctx context.Context, rows []row, f *file) <-chan written {
	done, at := make(chan written, 1), *f
	go func() {
		c, err := im.store.put(context.WithoutCancel(ctx), rows, &at, im.now)
		done <- written{rows, c, err}
	}()
	return done
}

// count waits for rows to be stored, and counts them. writing is nil when there
// are none.
func (im *importer) count(writing <-chan written) error {
	if writing == nil {
		return nil
	}
	w := <-writing
	if w.err != nil {
		return w.err
	}
	for i := range w.rows {
		if w.rows[i].undated {
			im.report.Undated++
		}
		if w.rows[i].ahead {
			im.report.Ahead++
		}
	}
	im.report.Records += int64(len(w.rows))
	im.report.New += w.added
	im.report.Replaced += w.replaced
	im.report.Unchanged += w.unchanged
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
			for b := range work {
				b.done <- b.decode(now)
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
	b := &batch{text: make([]byte, 0, at.batch+at.batch/16), done: make(chan decoded, 1)}
	for len(b.text) < at.batch && len(b.pieces) < at.pieces {
		p, err := s.read()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				b.pieces = append(b.pieces, piece{at: s.at, problem: fmt.Sprintf("the file cannot be read any further: %v", err)})
			}
			b.after = s.whole
			return b, true
		}
		start := len(b.text)
		b.text = append(b.text, p.data...)
		p.data = b.text[start:len(b.text):len(b.text)]
		b.pieces = append(b.pieces, p)
	}
	b.after = s.whole
	return b, false
}

// decode makes rows of a batch.
func (b *batch) decode(now time.Time) decoded {
	var d decoded
	scratch := make(map[string]any, 64)
	for _, p := range b.pieces {
		if p.problem == "" {
			r, err := decode(p.data, scratch, now)
			switch {
			case err == nil:
				d.rows = append(d.rows, r)
				continue
			case errors.Is(err, errNoRecord):
				continue
			}
			p.problem = err.Error()
			if p.withHits && errors.Is(err, grid.ErrNoJobID) {
				p.problem = noShards
			}
		}
		p.data = nil
		d.problems = append(d.problems, p)
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
