package sqlstore

// Run executes a statement of a test, such as a PRAGMA, on the transaction's connection.
func (t *Tx) Run(query string) error { return t.conn.run(query) }
