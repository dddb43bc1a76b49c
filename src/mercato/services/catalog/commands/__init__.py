"""What may be changed in catalog: one file for each of products, categories, imports, media, and what is told again."""
