package mattermost

// Mode is how this server and the bot talk, for `status`.
func (p *Part) Mode() string { return p.server.config.mode() }

func (c Config) mode() string {
	if c.Full() {
		return "full: slash commands, buttons and forms"
	}
	return "websocket only"
}
