"""Migrations of carts."""
