package discord

import (
	"sync"
	"time"
)

// remembered is how many things a memory holds: what is older is asked again.
const remembered = 4096

// memory keeps the answers to questions for a while. It forgets everything when
// it is full, which costs some questions.
type memory[T any] struct {
	mu sync.Mutex
	by map[string]entry[T]
}

type entry[T any] struct {
	value T
	at    time.Time
}

func newMemory[T any]() *memory[T] { return &memory[T]{by: map[string]entry[T]{}} }

// get returns what is known and not older than age; zero: of any age.
func (m *memory[T]) get(key string, age time.Duration) (T, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.by[key]
	if ok && age > 0 && time.Since(e.at) > age {
		ok = false
	}
	return e.value, ok
}

func (m *memory[T]) put(key string, value T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.by) >= remembered {
		clear(m.by)
	}
	m.by[key] = entry[T]{value: value, at: time.Now()}
}

// drop forgets one thing.
func (m *memory[T]) drop(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.by, key)
}

// clear forgets everything.
func (m *memory[T]) clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.by)
}
