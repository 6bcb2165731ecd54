package panda

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/gridwarden/gridwarden/backends/trouble"
)

// explain adds the sentence for people to what went wrong with the database.
func (s *Store) explain(err error) error {
	return explainPostgres(err, s.Name(), Setting+".database")
}

// explainPostgres adds the sentence for people. The server's own text stays in the
// cause, which only logs show, unless it names what is missing.
func explainPostgres(err error, name, setting string) error {
	if _, told := trouble.Told(err); err == nil || told || errors.Is(err, context.Canceled) {
		return err
	}
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return explainRefusal(err, refused, name, setting)
	}
	var unverified *tls.CertificateVerificationError
	var stranger x509.UnknownAuthorityError
	var network net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return trouble.Errorf(err, "%s did not answer in time. Ask again; if it goes on, look at the database server of %s.", name, setting)
	case errors.As(err, &stranger), errors.As(err, &unverified):
		return trouble.Errorf(err, "%s shows a certificate that is not accepted. Look at sslrootcert and the host in %s.dsn_file.", name, setting)
	case strings.Contains(err.Error(), "server refused TLS connection"):
		return trouble.Errorf(err, "%s speaks no TLS. Let it, or choose another sslmode in %s.dsn_file.", name, setting)
	}
	return trouble.Errorf(err, "%s cannot be reached. Look at the database server, and at the host and port in %s.dsn_file.", name, setting)
}

// explainRefusal words what the server itself refuses, by the codes of
// PostgreSQL's appendix A.
func explainRefusal(err error, refused *pgconn.PgError, name, setting string) error {
	switch refused.Code {
	case "57014": // cancelled: only by statement_timeout
		return trouble.Errorf(err, "%s takes too long to answer. Ask for less, or again when it is less busy.", name)
	case "55P03":
		return trouble.Errorf(err, "%s has the row locked by somebody else. Try again.", name)
	case "42P01", "3F000":
		return trouble.Errorf(err, "%s has no such table (%s). Look at backends.panda.database.schemas.", name, bare(refused.Message))
	case "42703":
		return trouble.Errorf(err, "%s has a table of another form than PanDA's (%s). Which version of PanDA's schema is it?", name, bare(refused.Message))
	case "42501":
		return trouble.Errorf(err, "%s lacks a grant (%s). docs/panda.md lists the grants of each role.", name, bare(refused.Message))
	case "25006":
		return trouble.Errorf(err, "%s only reads at the moment (%s). Is it a standby? %s.dsn_file must lead to the primary.", name, bare(refused.Message), setting)
	}
	switch refused.Code[:min(2, len(refused.Code))] {
	case "28", "3D":
		return trouble.Errorf(err, "%s refuses the role. Look at the role, password and database in %s.dsn_file, and at pg_hba.conf of the server.", name, setting)
	case "57", "53":
		return trouble.Errorf(err, "%s is not ready or overloaded. Ask again in some minutes.", name)
	}
	return trouble.Errorf(err, "%s could not answer (PostgreSQL %s). The log tells more.", name, refused.Code)
}

// bare bounds a server's message for a sentence.
func bare(message string) string {
	message = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, message)
	if r := []rune(message); len(r) > 160 {
		return string(r[:160]) + "…"
	}
	return message
}
