package recall

import (
	"sync"
	"time"
)

// Memory keeps answers to questions by a key. It forgets everything when it is
// full, which costs some questions. It is safe for concurrent use.
type Memory[T any] struct {
	most int

	mu      sync.Mutex
	by      map[string]entry[T]
	changes int // how often something was forgotten because it may have changed
}

type entry[T any] struct {
	value T
	at    time.Time
}

// New makes a Memory for so many things at most.
func New[T any](most int) *Memory[T] { return &Memory[T]{most: most, by: map[string]entry[T]{}} }

// Get returns what is known and not older than age; zero: of any age.
func (m *Memory[T]) Get(key string, age time.Duration) (T, bool) {
	value, ok, _ := m.get(key, age)
	return value, ok
}

func (m *Memory[T]) get(key string, age time.Duration) (value T, ok bool, changes int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.by[key]
	if ok && age > 0 && time.Since(e.at) > age {
		ok = false
	}
	return e.value, ok, m.changes
}

// Ask returns what is known and not older than age, or what ask answers. An
// answer with keep is kept, unless something was forgotten meanwhile: it may be
// older than that change, and a guest would be believed to be a member.
func (m *Memory[T]) Ask(key string, age time.Duration, ask func() (value T, keep bool, err error)) (T, error) {
	value, ok, changes := m.get(key, age)
	if ok {
		return value, nil
	}
	value, keep, err := ask()
	if err != nil || !keep {
		return value, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if changes == m.changes {
		m.put(key, value)
	}
	return value, nil
}

// Put keeps what the platform said by itself.
func (m *Memory[T]) Put(key string, value T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put(key, value)
}

func (m *Memory[T]) put(key string, value T) {
	if len(m.by) >= m.most {
		clear(m.by)
	}
	m.by[key] = entry[T]{value: value, at: time.Now()}
}

// Drop forgets one thing, which may have changed.
func (m *Memory[T]) Drop(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.changes++
	delete(m.by, key)
}

// Clear forgets everything, of which something may have changed.
func (m *Memory[T]) Clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.changes++
	clear(m.by)
}
