"""Benchmarks: what is measured, the clients that measure it, and the peers to compare with."""
