"""Mercato: an open commerce platform. `ARCHITECTURE.md` is the map of this house."""

__version__ = "0.1.0"
