"""Migrations of pricing."""
