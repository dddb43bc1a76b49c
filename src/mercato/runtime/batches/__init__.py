"""Waiting commands and events, and the one transaction that executes a batch of them (BATCHES in ARCHITECTURE.md)."""
