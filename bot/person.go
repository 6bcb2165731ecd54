package bot

import (
	"slices"

	"github.com/gridwarden/gridwarden/bot/action"
)

// Role is a name from the configuration, such as atlas-security.
type Role string

// The roles that commands ask for. Every other role is a name that policies use.
const (
	Anyone  Role = ""        // any known person
	Shifter Role = "shifter" // any known person who holds at least one role
	Admin   Role = "admin"
)

// Person is a human of the configuration.
type Person struct {
	ID        action.PersonID `yaml:"id"`
	Name      string          `yaml:"name"`
	Institute string          `yaml:"institute"`
	Roles     []Role          `yaml:"roles"`
	Accounts  []string        `yaml:"accounts"` // account keys: platform/workspace/id
}

// May reports whether the person may use a command that asks for role.
func (p Person) May(role Role) bool {
	switch role {
	case Anyone:
		return p.ID != ""
	case Shifter:
		return p.ID != "" && len(p.Roles) > 0
	}
	return slices.Contains(p.Roles, role)
}

// Display is the name, or the id of a person without one.
func (p Person) Display() string {
	if p.Name != "" {
		return p.Name
	}
	return string(p.ID)
}
