"""The generated descriptions that are committed: OpenAPI and one JSON Schema for each version of an event."""
