"""Kafka as the way of events between processes: a relay for each log, a consumer group for each service."""
