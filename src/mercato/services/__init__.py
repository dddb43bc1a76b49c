"""The business: one folder each, none imports another. ARCHITECTURE.md names the files of a service."""
