package journal_test

import (
	"database/sql"
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestTamperedDatabase changes every column of every audited table, removes,
// invents and swaps rows, each on a copy, and looks whether the verification
// says so and where.
func TestTamperedDatabase(t *testing.T) {
	j, o := filled(t)
	ids := recordsOf(t, j)
	must(t, j.Close())
	path, public := o.config().SQLite, j.PublicKey()
	kept, err := os.ReadFile(path + ".checkpoint")
	must(t, err)

	r := verified(t, path, public, string(kept))
	if !r.Sound() || r.Erased != 2 || r.Subjects != 6 || r.Waiting != 0 || r.Checkpoints < 4 || r.Records != int64(len(ids)) {
		t.Fatalf("what nobody changed: %+v", r)
	}
	for _, c := range append(columnChanges(t, path, ids), otherChanges(ids)...) {
		t.Run(c.name, func(t *testing.T) {
			to := copyOf(t, path)
			db := raw(t, to)
			for _, s := range c.statements {
				res, err := db.ExecContext(t.Context(), s)
				if err != nil {
					t.Fatalf("%s: %v", s, err)
				}
				if n, err := res.RowsAffected(); !strings.HasPrefix(s, "CREATE") && (err != nil || n == 0) {
					t.Fatalf("%s: %d rows, %v", s, n, err)
				}
			}
			r := verified(t, to, public, string(kept))
			if r.Sound() {
				t.Fatal("nobody would have noticed")
			}
			if !tells(r, c.place) {
				t.Errorf("no problem names %q:\n%q", c.place, r.Problems)
			}
		})
	}
}

type tampering struct {
	name       string
	statements []string
	place      string // what a problem must name
}

// columnChanges changes each column of one row per table to something else.
func columnChanges(t *testing.T, path string, ids []string) []tampering {
	t.Helper()
	db := raw(t, path)
	var out []tampering
	for _, table := range []struct{ name, where, place string }{
		{"audit_record", "id = '" + ids[7] + "'", "eaf 7"},
		{"audit_record", "subject = 'action/a1' AND version = 2", "action/a1"},
		{"audit_body", "num = (SELECT num FROM audit_leaf WHERE leaf = 9)", "Leaf 9 "},
		{"audit_leaf", "leaf = 11", "eaf 11"},
		{"audit_leaf", "leaf = (SELECT max(leaf) FROM audit_leaf)", fmt.Sprintf("eaf %d", len(ids)-1)},
		{"audit_tile", "level = 0 AND n = 0", "ile"},
		{"audit_tile", "level = 0 AND n = 1", "ile"},
		{"audit_tile", "level = 1", "ile"},
		{"audit_checkpoint", "size = (SELECT min(size) FROM audit_checkpoint)", "checkpoint"},
		{"audit_checkpoint", "size = (SELECT max(size) FROM audit_checkpoint)", "checkpoint"},
		{"vote", "action = 'a1' AND n = 0", "action/a1"},
		{"vote", "action = 'a2' AND n = 1", "action/a2"},
		{"incident_note", "incident = 'c-a1' AND n = 0", "incident/c-a1"},
		{"incident_note", "incident = 'c-a2' AND n = 1", "incident/c-a2"},
		{"link", "account = 'slack/T0/a1'", "link/slack/T0/a1"},
		{"action", "id = 'a1'", "action/a1"},
		{"incident", "id = 'c-a2'", "incident/c-a2"},
	} {
		for _, c := range columnsOf(t, db, table.name) {
			value := c.name + " || 'x'"
			switch {
			case c.kind == "INTEGER":
				value = c.name + " + 1000"
			case c.kind == "BLOB": // the first byte becomes another one
				value = fmt.Sprintf("CAST(iif(substr(%[1]s, 1, 1) = x'00', x'01', x'00') || substr(%[1]s, 2) AS BLOB)", c.name)
			case c.name == "data":
				value = "replace(data, 'thread', 'thraed')" // of the cases
				if table.name == "action" {
					value = "replace(data, '\"ban\"', '\"bam\"')"
				}
			}
			out = append(out, tampering{
				name:       table.name + "." + c.name + " where " + table.where,
				statements: []string{fmt.Sprintf("UPDATE %s SET %s = %s WHERE %s", table.name, c.name, value, table.where)},
				place:      table.place,
			})
		}
	}
	return out
}

type column struct{ name, kind string }

// columnsOf are the columns that can be written: generated ones cannot.
func columnsOf(t *testing.T, db *sql.DB, table string) []column {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `SELECT name, type FROM pragma_table_xinfo(?) WHERE hidden = 0`, table)
	must(t, err)
	defer func() { must(t, rows.Close()) }()
	var out []column
	for rows.Next() {
		var c column
		must(t, rows.Scan(&c.name, &c.kind))
		out = append(out, c)
	}
	must(t, rows.Err())
	if len(out) == 0 {
		t.Fatalf("table %s has no columns", table)
	}
	return out
}

// otherChanges are what a column alone cannot do.
func otherChanges(ids []string) []tampering {
	one := func(name, place string, statements ...string) tampering { return tampering{name, statements, place} }
	last := len(ids) - 1
	swap := func(table, column, key, a, b string) []string {
		return []string{
			fmt.Sprintf("CREATE TEMP TABLE kept AS SELECT %s AS k, %s AS v FROM %s WHERE %s IN (%s, %s)", key, column, table, key, a, b),
			fmt.Sprintf("UPDATE %s SET %s = (SELECT v FROM kept WHERE k <> %s.%s) WHERE %s IN (%s, %s)", table, column, table, key, key, a, b),
		}
	}
	whole := "subject = 'action/a1'"
	return []tampering{
		one("a record removed", "Leaf 5", "DELETE FROM audit_record WHERE id = '"+ids[5]+"'"),
		one("a record removed with its leaf", "leaf 5", "DELETE FROM audit_leaf WHERE leaf = 5", "DELETE FROM audit_record WHERE id = '"+ids[5]+"'"),
		one("a leaf removed", ids[6], "DELETE FROM audit_leaf WHERE leaf = 6"),
		one("the last leaf removed", "rolled back", fmt.Sprintf("DELETE FROM audit_leaf WHERE leaf = %d", last)),
		one("a leaf removed and the others moved up", "checkpoint", "DELETE FROM audit_leaf WHERE leaf = 5",
			"UPDATE audit_leaf SET leaf = -leaf WHERE leaf > 5", "UPDATE audit_leaf SET leaf = -leaf - 1 WHERE leaf < 0"),
		one("two leaves swapped", "eaf 30 ", swap("audit_leaf", "hash", "leaf", "30", "31")...),
		one("two leaves swapped whole", "checkpoint",
			"UPDATE audit_leaf SET leaf = -1 WHERE leaf = 30", "UPDATE audit_leaf SET leaf = 30 WHERE leaf = 31", "UPDATE audit_leaf SET leaf = 31 WHERE leaf = -1"),
		one("a record put in the log", fmt.Sprintf("Leaf %d ", last+1), "INSERT INTO audit_record SELECT 9999, 'invented', at, kind, request, incident, subject, version, hash, body_hash, mac FROM audit_record WHERE num = 1",
			fmt.Sprintf("INSERT INTO audit_leaf SELECT %d, 9999, hash FROM audit_leaf WHERE leaf = 0", last+1)),
		one("a record beside the log", "invented", "INSERT INTO audit_record SELECT 9999, 'invented', at, kind, request, incident, subject, version, hash, body_hash, mac FROM audit_record WHERE num = 1"),
		one("a record refused for show", ids[6], "DELETE FROM audit_leaf WHERE leaf = 6", "INSERT INTO audit_refused SELECT num FROM audit_record WHERE id = '"+ids[6]+"'"),
		one("a body removed", "Leaf 8 ", "DELETE FROM audit_body WHERE num = (SELECT num FROM audit_leaf WHERE leaf = 8)"),
		one("an erased body invented", "erased", "INSERT INTO audit_body SELECT l.num, x'00', x'7b7d' FROM audit_leaf l WHERE l.leaf = 20"),
		one("two bodies swapped", "Leaf 40 ", "UPDATE audit_body SET num = -1 WHERE num = (SELECT num FROM audit_leaf WHERE leaf = 40)",
			"UPDATE audit_body SET num = (SELECT num FROM audit_leaf WHERE leaf = 40) WHERE num = (SELECT num FROM audit_leaf WHERE leaf = 41)",
			"UPDATE audit_body SET num = (SELECT num FROM audit_leaf WHERE leaf = 41) WHERE num = -1"),
		one("a body without a record", "9999", "INSERT INTO audit_body VALUES (9999, x'00', x'7b7d')"),
		one("the first checkpoint removed", "checkpoint", "DELETE FROM audit_checkpoint WHERE size = (SELECT min(size) FROM audit_checkpoint)"),
		one("a checkpoint in the middle removed", "checkpoint", "DELETE FROM audit_checkpoint WHERE size = (SELECT max(size) FROM audit_checkpoint WHERE size < (SELECT max(size) FROM audit_checkpoint))"),
		one("the last checkpoint removed", "checkpoint", "DELETE FROM audit_checkpoint WHERE size = (SELECT max(size) FROM audit_checkpoint)"),
		one("every checkpoint removed", "checkpoint", "DELETE FROM audit_checkpoint"),
		one("a checkpoint stored twice", "checkpoint", "INSERT INTO audit_checkpoint SELECT size + 1, note FROM audit_checkpoint WHERE size = (SELECT min(size) FROM audit_checkpoint)"),
		one("a tile removed", "tile", "DELETE FROM audit_tile WHERE level = 0 AND n = 0"),
		one("a tile invented", "ile 7", "INSERT INTO audit_tile VALUES (0, 7, x'00')"),
		one("an action removed", "action/a1", "DELETE FROM action WHERE id = 'a1'"),
		one("an action removed with its votes", "action/a1", "DELETE FROM vote WHERE action = 'a1'", "DELETE FROM action WHERE id = 'a1'"),
		one("an action removed with its records", "checkpoint", "DELETE FROM action WHERE id = 'a1'", "DELETE FROM vote WHERE action = 'a1'",
			"DELETE FROM audit_leaf WHERE num IN (SELECT num FROM audit_record WHERE "+whole+")", "DELETE FROM audit_record WHERE "+whole),
		one("an action invented", "action/a9", `INSERT INTO action (id, data) SELECT 'a9', replace(data, '"a1"', '"a9"') FROM action WHERE id = 'a1'`),
		one("two actions swapped", "action/a1", swap("action", "data", "id", "'a1'", "'a2'")...),
		one("a space in an action", "action/a1", "UPDATE action SET data = data || ' ' WHERE id = 'a1'"),
		one("something unknown in an action", "action/a1", "UPDATE action SET data = json_set(data, '$.unknown', 1) WHERE id = 'a1'"),
		one("a vote in an action's JSON", "action/a1", `UPDATE action SET data = json_set(data, '$.votes', json('[{"person":"eve"}]')) WHERE id = 'a1'`),
		one("a vote removed", "action/a1", "DELETE FROM vote WHERE action = 'a1' AND n = 1"),
		one("a vote invented", "action/a1", "INSERT INTO vote SELECT action, 2, 'eve', account, surface, at, lost FROM vote WHERE action = 'a1' AND n = 0"),
		one("a vote without an action", "a9", "INSERT INTO vote SELECT 'a9', 0, person, account, surface, at, lost FROM vote WHERE action = 'a1' AND n = 0"),
		one("two votes swapped", "action/a1", swap("vote", "person", "action || n", "'a10'", "'a11'")...),
		one("a vote's time written otherwise", "action/a1", "UPDATE vote SET at = replace(at, 'Z', '+00:00') WHERE action = 'a1' AND n = 0"),
		one("a case removed", "incident/c-a1", "DELETE FROM incident WHERE id = 'c-a1'"),
		one("a case invented", "incident/c9", `INSERT INTO incident (id, data) SELECT 'c9', replace(data, 'c-a1', 'c9') FROM incident WHERE id = 'c-a1'`),
		one("two cases swapped", "incident/c-a1", swap("incident", "data", "id", "'c-a1'", "'c-a2'")...),
		one("a note removed", "incident/c-a1", "DELETE FROM incident_note WHERE incident = 'c-a1' AND n = 1"),
		one("a note invented", "incident/c-a1", "INSERT INTO incident_note VALUES ('c-a1', 2, 'eve', '2026-06-24T12:00:00Z', 'x')"),
		one("a note without a case", "c9", "INSERT INTO incident_note VALUES ('c9', 0, 'eve', '2026-06-24T12:00:00Z', 'x')"),
		one("two notes swapped", "incident/c-a1", swap("incident_note", "text", "incident || n", "'c-a10'", "'c-a11'")...),
		one("a link removed", "link/slack/T0/a1", "DELETE FROM link WHERE account = 'slack/T0/a1'"),
		one("a link invented", "link/slack/T0/eve", "INSERT INTO link VALUES ('slack/T0/eve', 'alice', 1)"),
		one("two links swapped", "link/slack/T0/a1", "UPDATE link SET account = 'x' WHERE account = 'slack/T0/a1'",
			"UPDATE link SET account = 'slack/T0/a1', person = 'bob' WHERE account = 'slack/T0/a2'", "UPDATE link SET account = 'slack/T0/a2' WHERE account = 'x'"),
	}
}
