package journal

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"errors"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/gridwarden/gridwarden/backends/trouble"
	"github.com/gridwarden/gridwarden/config/secret"
)

// reach makes the first connection. Nobody has asked anything yet, so whoever
// starts the program is told the cause and the file to look into; of what is in
// the file nothing but the names of the role, the database and the host.
func reach(ctx context.Context, db *sql.DB, file secret.File) error {
	err := db.PingContext(ctx)
	if err == nil || ctx.Err() != nil {
		return err
	}
	why, do := err.Error(), "Look at the server, and at the host and port in the file"
	var refused *pgconn.PgError
	var unverified *tls.CertificateVerificationError
	var stranger x509.UnknownAuthorityError
	var network *net.OpError
	switch {
	case errors.As(err, &refused):
		why, do = refused.Error(), "Look at the role, the password and the database in the file, and at pg_hba.conf of the server"
		if strings.HasPrefix(refused.Code, "57P") || strings.HasPrefix(refused.Code, "53") {
			do = "Try again when the server is ready"
		}
	case errors.As(err, &stranger):
		why, do = stranger.Error(), "If the certificate is from a CA of your own, add sslrootcert=CA.crt to the connection string"
	case errors.As(err, &unverified):
		why, do = unverified.Err.Error(), "Look at the host in the file and at the certificate of the server"
	case strings.Contains(why, "server refused TLS connection"):
		why, do = "the server speaks no TLS", "Let it, or choose another sslmode in the file"
	case errors.As(err, &network):
		why = network.Error()
	}
	return trouble.Errorf(err, "PostgreSQL cannot be reached with the connection string in %s: %s. Nothing was started. %s.", file, why, do)
}

// unparsed says what is wrong with a connection string without quoting it: the
// error of its parser may hold all of it, the password included.
func unparsed(file secret.File, err error) error {
	if cause := errors.Unwrap(err); cause != nil && strings.Contains(err.Error(), "failed to configure TLS") {
		return trouble.Errorf(nil, "The connection string in %s cannot be used: %v. Correct sslmode, sslrootcert, sslcert or sslkey in it.", file, cause)
	}
	return trouble.Errorf(nil, "The file %s holds no connection string of PostgreSQL, such as postgres://role:password@host/database.", file)
}
