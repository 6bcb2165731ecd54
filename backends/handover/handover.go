// Package handover gives files that root makes to the account whose files they
// stand among. A command that an administrator runs would otherwise leave a
// file that the service cannot read at its next start.
package handover

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// Like gives f, which this process has made, the owner of the first of places
// that is there, and its mode, too, when that is a file. Only root can, so for
// others it does nothing; nor does it where root may not, as in a container
// that took that right away: then Foreign says so to whoever cannot read f. A
// file that has other names is left alone: it may be somebody else's.
func Like(f *os.File, places ...string) {
	if os.Geteuid() != 0 {
		return
	}
	mine, err := f.Stat()
	if err != nil {
		return
	}
	if s, ok := mine.Sys().(*syscall.Stat_t); !ok || s.Uid != 0 || s.Nlink != 1 || !mine.Mode().IsRegular() {
		return
	}
	for _, place := range places {
		info, err := os.Lstat(place)
		if err != nil {
			continue
		}
		s, ok := info.Sys().(*syscall.Stat_t)
		if !ok || !info.IsDir() && !info.Mode().IsRegular() {
			continue
		}
		if info.Mode().IsRegular() {
			_ = f.Chmod(info.Mode().Perm())
		}
		_ = f.Chown(int(s.Uid), int(s.Gid))
		return
	}
}

// Foreign says that a file is another account's and what to do, as a sentence
// for people; "" where it is not, or where nothing is known of it.
func Foreign(path string) string {
	info, err := os.Lstat(path)
	if err != nil {
		return ""
	}
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(s.Uid) == os.Geteuid() {
		return ""
	}
	return fmt.Sprintf("The file %s is owned by %s, and gridwarden runs as %s here. If it belongs to gridwarden, run as root: chown %s: %s",
		path, account(int(s.Uid)), account(os.Geteuid()), account(os.Geteuid()), path)
}

// account is the name of a user, or the number of one that has none.
func account(uid int) string {
	number := strconv.Itoa(uid)
	if u, err := user.LookupId(number); err == nil {
		return u.Username
	}
	return number
}
