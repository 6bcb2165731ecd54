package gridtest

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// The files and folders that Write makes.
const (
	ESCMSFile     = "es-cms.ndjson"  // a _bulk file
	MONITFile     = "monit.ndjson"   // another
	HistoryFolder = "condor_history" // a file of each schedd
	EpochsFolder  = "condor_epochs"  // another
	LogsFolder    = "pilots"         // of logs, in the layout of factories
	TruthFile     = "truth.json"     // the questions with their truth
)

// Progress is how far Write is.
type Progress struct {
	Jobs, Of  int // jobs of the background
	Documents int // of es-cms and MONIT
	Logs      int // of pilots
}

// Write writes everything into a folder, which it makes, in one walk through the
// world. progress is called now and then; it may be nil. What an earlier Write
// left there is overwritten.
func (g *Generator) Write(folder string, progress func(Progress)) (err error) {
	w := &writer{folder: folder, open: map[string]*output{}}
	defer func() { err = errors.Join(err, w.close()) }()
	at := Progress{Of: g.config.Jobs}
	var f fields
	bulk := func(name string) func(Doc) bool {
		return func(d Doc) bool {
			at.Documents++
			w.bulk(name, d)
			return w.err == nil
		}
	}
	ads := func(folder string) func(string, []byte) bool {
		return func(schedd string, ad []byte) bool {
			w.ad(filepath.Join(folder, schedd+".json"), ad)
			return w.err == nil
		}
	}
	escms, monit, history, epochs := bulk(ESCMSFile), bulk(MONITFile), ads(HistoryFolder), ads(EpochsFolder)
	begun := -len(g.planted.jobs)
	g.walk(visitor{
		job: func(j *job) bool {
			begun++
			if at.Jobs = max(0, begun); progress != nil && at.Jobs%1000 == 0 {
				progress(at)
			}
			return g.escms(j, &f, escms) && g.monit(j, &f, monit) && g.history(j, &f, history) && g.epochs(j, &f, epochs)
		},
		pilot: func(p *pilot, runs []placed) bool {
			return g.pilotLog(p, runs, func(l Log) bool {
				at.Logs++
				return w.log(l)
			})
		},
	})
	if w.err != nil {
		return w.err
	}
	truth, err := json.MarshalIndent(g.Questions(), "", "\t")
	if err != nil {
		return fmt.Errorf("gridtest: writing the truth: %w", err)
	}
	w.file(TruthFile, append(truth, '\n'))
	return w.err
}

// output is one file that is being written.
type output struct {
	file *os.File
	buf  *bufio.Writer
	ads  bool // a JSON array, to be closed
}

// writer writes files; after the first error it writes nothing.
type writer struct {
	folder string
	open   map[string]*output
	err    error
}

func (w *writer) output(name string) *output {
	o := w.open[name]
	if o != nil || w.err != nil {
		return o
	}
	path := filepath.Join(w.folder, name)
	f, err := create(path)
	if err != nil {
		w.err = err
		return nil
	}
	o = &output{file: f, buf: bufio.NewWriterSize(f, 64<<10)}
	w.open[name] = o
	return o
}

func create(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, fmt.Errorf("gridtest: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("gridtest: %w", err)
	}
	return f, nil
}

func (w *writer) write(name string, parts ...[]byte) {
	o := w.output(name)
	for _, p := range parts {
		if w.err != nil {
			return
		}
		if _, err := o.buf.Write(p); err != nil {
			w.err = fmt.Errorf("gridtest: %w", err)
		}
	}
}

// bulk writes a document and the line that says where it belongs.
func (w *writer) bulk(name string, d Doc) {
	w.write(name, d.BulkAction(), d.Source, []byte("\n"))
}

// BulkAction gives the line of a _bulk file before the document's.
func (d Doc) BulkAction() []byte {
	b := appendText([]byte(`{"index": {"_index": `), d.Index)
	b = appendText(append(b, `, "_id": `...), d.ID)
	return append(b, "}}\n"...)
}

// ad writes an element of the array that condor_history -json prints.
func (w *writer) ad(name string, ad []byte) {
	between := ",\n"
	if o := w.output(name); o != nil && !o.ads {
		o.ads, between = true, "[\n"
	}
	w.write(name, []byte(between), ad, []byte("\n"))
}

// file writes a whole file at once; it holds none open, for there may be many.
func (w *writer) file(name string, data []byte) {
	if w.err != nil {
		return
	}
	f, err := create(filepath.Join(w.folder, name))
	if err == nil {
		_, err = f.Write(data)
		err = errors.Join(err, f.Close())
	}
	w.err = err
}

// log writes the files of a pilot, as old as they are in the world.
func (w *writer) log(l Log) bool {
	if w.err == nil {
		w.err = l.Write(filepath.Join(w.folder, LogsFolder))
	}
	return w.err == nil
}

// Write writes the files of a pilot below the folder of all factories, as old as
// they are in the world.
func (l Log) Write(folder string) error {
	for ending, data := range map[string][]byte{".out": l.Out, ".err": l.Err} {
		name := filepath.Join(folder, filepath.FromSlash(l.Path)+ending)
		f, err := create(name)
		if err != nil {
			return err
		}
		_, err = f.Write(data)
		if err = errors.Join(err, f.Close(), os.Chtimes(name, l.Written, l.Written)); err != nil {
			return fmt.Errorf("gridtest: %w", err)
		}
	}
	return nil
}

func (w *writer) close() error {
	var err error
	for _, o := range w.open {
		if o.ads && w.err == nil {
			_, e := o.buf.WriteString("]\n")
			err = errors.Join(err, e)
		}
		err = errors.Join(err, o.buf.Flush(), o.file.Close())
	}
	if err != nil {
		return fmt.Errorf("gridtest: %w", err)
	}
	return nil
}
