package fakeserver

// Kind is what happened to a message.
type Kind string

// What people see happen.
const (
	Posted    Kind = "posted"
	Edited    Kind = "edited"
	Whispered Kind = "whispered" // shown to one person
	Reacted   Kind = "reacted"
	Opened    Kind = "opened" // a form
)

// Seen is one thing that people saw happen in a chat. Ids are the platform's.
type Seen struct {
	Kind    Kind
	From    string // the account that did it
	Channel string
	Root    string // what the thread hangs from; "" outside threads
	ID      string // of the message; of a form what opened it
	To      string // who alone sees it; "" for everybody
	Text    string // of a reaction its name
	Buttons []Button
	Files   []string
	Data    [][]byte // of the files, in their order
}

// Button is one button under a message, in the platform's words.
type Button struct{ Label, ID, Value string }

// Watch tells one watcher what people see. Its zero value tells nobody.
type Watch struct{ tell func(Seen) }

// By has f told from now on.
func (w *Watch) By(f func(Seen)) { w.tell = f }

// Tell tells of what see describes, which is not asked when nobody watches.
func (w *Watch) Tell(see func() Seen) {
	if w.tell != nil {
		w.tell(see())
	}
}
