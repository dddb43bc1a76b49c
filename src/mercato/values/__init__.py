"""Values that every room may use: messages, money, ids, time, pages. Standard library and msgspec only."""
