package fakediscord

// settings are those of the application and the server that few tests change.
type settings struct {
	endpoint  string // where interactions go instead; "" for nowhere
	twoFactor bool   // is wanted of moderators
}

// SetEndpoint enters the Interactions Endpoint URL of the application, "" for
// none. With one no interaction goes over the gateway (interactions overview).
func (s *Server) SetEndpoint(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endpoint = url
}

// RequireTwoFactor has the server want two factors of whoever moderates.
func (s *Server) RequireTwoFactor(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.twoFactor = on
}

// getGuild answers without channels, threads and members, which only the gateway tells.
func (s *Server) getGuild(r *request) (any, *wrong) {
	if bad := s.here(r); bad != nil {
		return nil, bad
	}
	level := 0
	if s.twoFactor {
		level = 1
	}
	return map[string]any{"id": Guild, "name": "the grid", "roles": s.rolesJSON(), "mfa_level": level}, nil
}
