"""catalog: the category tree, products with options and variants, and the import of catalogues."""
