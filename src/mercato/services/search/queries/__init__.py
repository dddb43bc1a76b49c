"""What may be asked of search: products and suggestions, what stores say about it, and what an index has to follow."""
