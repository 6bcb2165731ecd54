package bot

// Token is one word of what was typed; Quoted ones are never options.
type Token struct {
	Text   string
	Quoted bool
}
