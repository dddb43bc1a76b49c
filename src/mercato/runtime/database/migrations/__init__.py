"""Migrations of the runtime's own tables. The form of the files is described in ../migrating.py."""
