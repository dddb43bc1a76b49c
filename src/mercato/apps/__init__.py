"""What can be started: all services together, and the command line. The one place that puts the parts together."""
