package journal_test

import (
	"strings"
	"testing"
)

// Each change of an action asks what its request has changed before. Reading every
// record for it made each change slower than the one before.
func TestAChangeDoesNotReadEveryRecord(t *testing.T) {
	j, _ := open(t)
	plan, err := j.PlanOfChangedBefore(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(plan, "SEARCH audit_record USING INDEX audit_record_request") {
		t.Errorf("the index is not used:\n%s", plan)
	}
}
