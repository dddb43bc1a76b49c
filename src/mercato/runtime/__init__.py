"""Machinery that knows no business: messages in batches, state and news in one transaction, HTTP, access, slow work."""
