"""The simulator: real services on real files in a seeded event loop, with a world around them that misbehaves."""
