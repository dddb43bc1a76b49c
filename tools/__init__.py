"""What developers start by hand or in CI; nothing here is shipped."""
