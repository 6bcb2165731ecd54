// Package auditlog is the command that shows what the audit log holds on one
// action, request or case, and the words in which people read its records.
package auditlog
