"""search owns what shoppers find products by: an entry for each product with its price, availability and sales, the
rules of each store's search, and what was searched for in vain. Each of its processes has an index of the entries.

Listens to catalog (products, categories), pricing (prices), inventory (what is available) and orders (what is sold).
"""
