// Package document reads the JSON objects in which job records come: of the
// hundreds of attributes of one it decodes those that the rules of backends/grid
// ask for, without a map for each. What stands in records may have been written by
// an attacker, and is read as encoding/json reads it.
//
// [Reader.Read] is for files, which tools have written that are not strict about
// JSON either. [Reader.Scan] is for the answers of servers, of which a piece that is
// no JSON makes the whole worthless: [Elements] takes documents out of them, and
// [Text] goes through each.
package document
