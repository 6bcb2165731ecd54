package grid

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Hint is something in a command that is met in attacks more often than in
// physics. It proves nothing, and its absence proves nothing either.
type Hint struct {
	What  string `json:"what"`
	Piece string `json:"piece"` // the text that fits, visible and cut at 200 characters
}

// indicator finds one kind of hint.
type indicator struct {
	what  string
	words []string // lower case; one of them is in every text that can fit
	where *regexp.Regexp
}

// shells are programs that run what they are given.
const shells = `(?:sudo\s+)?(?:/\S+/)?(?:ba|da|z|k|c|tc)?sh\b|python[0-9.]*\b|perl\b|ruby\b|php\b`

var indicators = []indicator{
	{
		"a pool of miners",
		[]string{"stratum", "pool", "nicehash", "moneroocean", "2miners", "hashvault"},
		regexp.MustCompile(`(?i)stratum[0-9]?\+\w{2,4}:(?://)?[^\s'"|;&]+|(?:--|-)(?:pool|stratum)[= ]\s*[^\s'"|;&]+|[\w.-]*(?:minexmr|supportxmr|nanopool|moneroocean|2miners|f2pool|hashvault|minergate|nicehash|xmrpool|unmineable)\.[\w.:-]+`),
	},
	{
		"a program that mines",
		[]string{"min", "xmr", "hash", "t-rex", "donate"},
		regexp.MustCompile(`(?i)\b(?:xmrig|xmr-stak\w*|minerd|cpuminer[\w-]*|ethminer|nbminer|lolminer|phoenixminer|gminer|cgminer|bfgminer|t-rex|teamredminer|nanominer|srbminer[\w-]*|randomx\w*|cryptonight\w*)\b|--donate-level\S*|(?:^|[\s/;&|])mine(?:r|\.sh)?(?:\s|$)`),
	},
	{
		"downloads something and runs it",
		[]string{"curl", "wget", "fetch", "urlopen", "urlretrieve", "requests.get"},
		regexp.MustCompile(`(?is)\b(?:curl|wget|fetch)\b[^|;\n]*\|\s*(?:` + shells + `)|(?:` + shells + `)\s+(?:-\w+\s+)?["']?(?:<\(|\$\(|` + "`" + `)\s*(?:curl|wget)[^)\n]*|(?:source|\.|eval)\s+["']?(?:<\(|\$\(|` + "`" + `)\s*(?:curl|wget)[^)\n]*|\b(?:curl|wget)\b[^\n]*?(?:;|&&|\n)\s*chmod\s+[^\n;&]+(?:(?:;|&&)\s*\S+)?|\b(?:curl|wget)\b[^\n]*?(?:;|&&|\n)\s*(?:(?:` + shells + `|source|\.)\s+|\./)[^\s;&|]+|(?:exec|eval|os\.system)\s*\([^\n]*(?:urlopen|requests\.get)[^\n]*`),
	},
	{
		"a shell for somebody outside",
		[]string{"/dev/tcp", "/dev/udp", "nc", "socat", "socket", "telnet", "mkfifo", "pty.spawn", "-i"},
		regexp.MustCompile(`(?is)/dev/(?:tcp|udp)/[^\s'"|;&>]+|\b(?:nc|ncat|netcat)(?:\.\w+)?\b[^|;\n]*\s-\w{0,5}[ec]\s+\S+|\bsocat\b[^\n]*\bexec:[^\s,'"]+|\bmkfifo\b[^\n]*\b(?:nc|ncat|netcat|telnet|openssl)\b[^\n]*|\bsocket\b.*?(?:dup2|pty\.spawn|subprocess|/bin/\w{0,2}sh)|\b(?:ba|z|k)?sh\s+-i\s*(?:[0-9]?>|<)[^\n]+`),
	},
	{
		"code that is hidden by an encoding and run",
		[]string{"base64", "b64decode", "base32", "xxd", "openssl", "fromhex", "\\x"},
		regexp.MustCompile(`(?is)\b(?:base64|base32)\s+(?:-d|-D|--decode|-di)\b[^\n]*?\|\s*(?:\w+\s*\|\s*)?(?:` + shells + `)|\b(?:xxd\s+-\w*r\w*|openssl\s+(?:enc|aes\S*|base64)[^\n|]*?\s-d\b)[^\n]*?\|\s*(?:` + shells + `)|(?:eval|` + shells + `)\s+(?:-\w+\s+)?["']?(?:\$\(|<\(|` + "`" + `)[^)\n]*(?:base64|base32|xxd)[^)\n]*|(?:exec|eval|compile|os\.system)\s*\([^\n]*(?:b64decode|fromhex|a85decode|zlib\.decompress)[^\n]*|(?:\\x[0-9a-f]{2}){8,40}`),
	},
	{
		"goes on without the pilot",
		[]string{"nohup", "setsid", "disown", "daemon", "crontab", "screen", "tmux", "systemd-run", "batch", " at "},
		regexp.MustCompile(`(?i)\b(?:nohup|setsid|disown)\b[^\n;|]*|\bdaemonize\b[^\n;|]*|\bcrontab\b[^\n;|]*|\bscreen\s+-\w*d\w*m\w*[^\n;|]*|\btmux\s+new\S{0,10}\s+[^\n;|]*-d\b|\bsystemd-run\b[^\n;|]*|\bos\.setsid\b|\bstart_new_session\s*=\s*True\b|\|\s*at\s+now\b[^\n;|]*`),
	},
	{
		"acts against the pilot",
		[]string{"kill", "pilot"},
		regexp.MustCompile(`(?i)\b(?:p?kill|killall)\b[^\n;|&]*(?:pilot|wrapper|\$PPID|\s-1\b)|\brm\s+-\w+[^\n;|&]*(?:pilot|pandaIDs?\.out)[^\s;|&]*|\bpilot_kill_payload\b`),
	},
	{
		"looks for credentials",
		[]string{"x509", ".globus", "id_rsa", "id_ed25519", "/etc/shadow", "bearer_token", "bt_u", "_condor_creds", "proxy", "panda_auth", ".aws"},
		regexp.MustCompile(`(?i)\bX509_USER_(?:PROXY|KEY)\b|/tmp/x509\S*|\.globus\b\S*|\bid_(?:rsa|ed25519|ecdsa)\b|/etc/shadow\b|\bBEARER_TOKEN(?:_FILE)?\b|/bt_u\d{0,8}\b|\b_CONDOR_CREDS\b|\bPANDA_AUTH_\w+\b|\.aws/credentials\b|\bpilot\w*proxy\b`),
	},
	{
		"searches the network",
		[]string{"nmap", "masscan", "zmap", "hydra", "zgrab", "nuclei", "scapy"},
		regexp.MustCompile(`(?i)\b(?:nmap|masscan|zmap|hydra|zgrab2?|nuclei|scapy)\b[^\n;|&]*`),
	},
}

// The bounds of what is told of one kind of hint.
const (
	maxHints = 3   // places
	maxPiece = 200 // characters of each
)

// maxHinted is how much of each text is looked through, in bytes: a text can be
// made that takes long to look through.
const maxHinted = 512 << 10

// HintsIn looks for hints in texts. Each fits a kind at most three times. Of a
// very long text it says that only the beginning was looked through.
func HintsIn(texts ...string) []Hint {
	var out []Hint
	texts, lower := slices.Clone(texts), make([]string, len(texts))
	for i, t := range texts {
		if len(t) > maxHinted {
			texts[i] = clipBytes(t, maxHinted)
			out = append(out, Hint{What: "a text so long that only its beginning was looked through", Piece: strconv.Itoa(len(t)) + " bytes"})
		}
		lower[i] = strings.ToLower(texts[i])
	}
	for _, x := range indicators {
		var pieces []string
		for i, t := range texts {
			if !slices.ContainsFunc(x.words, func(w string) bool { return strings.Contains(lower[i], w) }) {
				continue
			}
			for _, piece := range x.where.FindAllString(t, maxHints) {
				if pieces = appendNew(pieces, piece); len(pieces) == maxHints {
					break
				}
			}
		}
		for _, piece := range pieces[:min(len(pieces), maxHints)] {
			out = append(out, Hint{What: x.what, Piece: piecePart(piece)})
		}
	}
	return out
}

// piecePart is a piece of foreign text as it can be shown.
func piecePart(s string) string {
	s = Visible(strings.TrimSpace(clipBytes(s, 4*maxPiece)))
	if r := []rune(s); len(r) > maxPiece {
		return string(r[:maxPiece]) + "…"
	}
	return s
}

// clipBytes cuts after n bytes at most, and never within a character.
func clipBytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}

// Hints looks for hints in what the parameters run.
func (p PandaParams) Hints() []Hint {
	var out []Hint
	if p.Beyond != "" {
		out = append(out, Hint{What: "commands outside of the quotes: the shell that starts the wrapper would run them, too", Piece: piecePart(p.Beyond)})
	}
	if p.expanded != "" {
		out = append(out, Hint{What: "something outside of the encoding that a shell replaces by what it runs or knows", Piece: piecePart(p.expanded)})
	}
	if p.redirected != "" {
		out = append(out, Hint{What: "a file is written or read outside of the quotes", Piece: piecePart(p.redirected)})
	}
	return append(out, HintsIn(p.Command.Text, p.Fragment, p.Beyond)...)
}
