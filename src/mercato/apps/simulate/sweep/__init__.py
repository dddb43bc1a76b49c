"""The crash-point sweep: the process is killed once at every await and every commit of services and runtime (T5)."""
