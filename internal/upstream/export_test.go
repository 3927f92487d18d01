package upstream

// Hosts is how many hosts the table of what is under way has.
func Hosts(t *Transport) int {
	t.seats.mu.Lock()
	defer t.seats.mu.Unlock()
	return len(t.seats.hosts)
}
