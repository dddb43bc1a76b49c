"""The log of events: each service's outbox table, read in place or handed over in memory after the commit."""
