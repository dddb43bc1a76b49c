"""search: an index of what is sold, built from others' events; it has no truth of its own."""
