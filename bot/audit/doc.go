// Package audit is the log that a security officer can check a year later:
// records, the Merkle tree over them (RFC 6962 hashing), signed checkpoints,
// proofs, and the verification of all of it from a database or from an export.
// It knows no database and no chat.
package audit
