"""Migrations of stores."""
