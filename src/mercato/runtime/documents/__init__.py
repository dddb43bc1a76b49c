"""Documents: one record loaded and saved as a whole, one command one document."""
