"""Relational state: columns and compiled statements for three dialects, transactions, migrations, the SQLite engine."""
