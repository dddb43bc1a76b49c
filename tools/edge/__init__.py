"""The generated configurations that are committed: each proxy in front of the layout that docs/operate/edge.md describes."""
