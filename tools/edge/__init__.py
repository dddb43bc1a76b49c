"""The generated configurations that are committed: proxies in front of the layout of docs/operate/edge.md."""
