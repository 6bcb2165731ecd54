package grid

import (
	"reflect"
	"testing"
)

// TestEachText: every text of a job can be replaced, so that none keeps the record
// in memory of which it was a piece.
func TestEachText(t *testing.T) {
	t.Parallel()
	j := Job{EarlierSites: []string{"x"}, Hosts: []HostClaim{{}}, Identities: []Identity{{}}}
	j.EachText(func(s *string) { *s = "replaced" })
	constant := []reflect.Type{reflect.TypeFor[Experiment](), reflect.TypeFor[RecordKind](), reflect.TypeFor[Trust]()}
	seen := 0
	var look func(path string, v reflect.Value)
	look = func(path string, v reflect.Value) {
		switch v.Kind() {
		case reflect.String:
			for _, c := range constant {
				if v.Type() == c {
					return
				}
			}
			if seen++; v.String() != "replaced" {
				t.Errorf("%s is still %q", path, v)
			}
		case reflect.Struct:
			if v.Type().PkgPath() != reflect.TypeFor[Job]().PkgPath() {
				return
			}
			for i := range v.NumField() {
				look(path+"."+v.Type().Field(i).Name, v.Field(i))
			}
		case reflect.Slice:
			for i := range v.Len() {
				look(path, v.Index(i))
			}
		}
	}
	look("Job", reflect.ValueOf(j))
	if seen < 20 {
		t.Errorf("only %d texts were found", seen)
	}
}
