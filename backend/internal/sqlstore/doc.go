// Package sqlstore owns the database: the schema, its migrations and hand-written SQL for SQLite.
//
// One file, in WAL mode with synchronous=FULL: a transaction that Update reported as done survives the loss of power.
// One writer commits in groups: transactions that wait at the same time share one commit, each in its own
// savepoint, so that one that fails takes nothing of another with it. Readers have connections of their own and see a
// consistent snapshot. Another process, such as the command line, may write at the same time and waits its turn.
//
// [Tx] has the methods that the domain packages ask for (each declares its own interface); [For] gives a domain package its view.
// What depends on the time takes it as an argument: the database and the server share one clock here.
//
// It leaves every rule to the domain packages, except the conditional updates that make rules hold between concurrent writers.
package sqlstore
