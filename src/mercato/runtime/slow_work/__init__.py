"""Slow work: an intent row, the outside call, a command with the outcome; leases, pauses, breakers, recovery."""
