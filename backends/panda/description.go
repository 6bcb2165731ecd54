package panda

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"sync"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// inDescription is how many jobs one question describes. The server takes 5500 and
// drops the rest without a word, but a request's line has 8 kB, and each job is
// several statements to it.
const inDescription = 100

// lookedBack is how far into the old archive the server looks for a description
// (getFullJobStatus and peekJobLog of panda-server).
const lookedBack = "90 days"

// describe asks for jobs as the tables have them, archived ones among them, in the
// order of ids; nil for one that the server does not find.
func (s *Server) describe(ctx context.Context, ids []int64) ([]*fields, error) {
	out := make([]*fields, len(ids))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, (len(ids)+inDescription-1)/inDescription)
	slots := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for n := range errs {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			from, to := n*inDescription, min((n+1)*inDescription, len(ids))
			if errs[n] = s.describeSome(ctx, ids[from:to], out[from:to]); errs[n] != nil {
				cancel()
			}
		})
	}
	all.Wait()
	if err := firstCause(errs); err != nil {
		return nil, fmt.Errorf("panda: asking for descriptions: %w", err)
	}
	return out, nil
}

// describeSome is one question. out gets the answer.
func (s *Server) describeSome(ctx context.Context, ids []int64, out []*fields) error {
	query := url.Values{}
	for _, id := range ids {
		query.Add("job_ids", strconv.FormatInt(id, 10))
	}
	var data []json.RawMessage
	if err := s.get(ctx, "job/get_description_incl_archive", query, &data); err != nil {
		return err
	}
	if len(data) != len(ids) {
		return s.explain(errReply)
	}
	for i, raw := range data {
		one, err := exactly(raw)
		if err != nil {
			return s.explain(errReply)
		}
		out[i] = one
	}
	return nil
}

// exactly reads an object with its numbers as they are; nil for null.
func exactly(raw json.RawMessage) (*fields, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var object map[string]any
	if err := d.Decode(&object); err != nil || object == nil {
		return nil, err
	}
	return fieldsOf(object), nil
}

// filesOf are the files of a description.
func filesOf(f *fields) []grid.PandaFile {
	list, _ := f.values["files"].([]any)
	var out []grid.PandaFile
	for _, one := range list[:min(len(list), maxFiles)] {
		object, ok := one.(map[string]any)
		if !ok {
			continue
		}
		file := fieldsOf(object)
		out = append(out, grid.PandaFile{LFN: file.text("lfn"), Type: file.text("type"), Dataset: file.text("dataset"), Scope: file.text("scope"), Status: file.text("status")})
	}
	return out
}

// taskParameters gives the JSON with which a task was submitted; "" when the server
// has none.
func (s *Server) taskParameters(ctx context.Context, task int64) (string, error) {
	var data json.RawMessage
	err := s.get(ctx, "task/get_task_parameters", url.Values{"task_id": {strconv.FormatInt(task, 10)}}, &data)
	var no *declined
	switch {
	case errors.As(err, &no):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("panda: asking for the parameters of task %d: %w", task, err)
	}
	var text string
	if json.Unmarshal(data, &text) == nil {
		return text, nil
	}
	return string(data), nil
}
