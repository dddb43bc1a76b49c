"""carts owns the cart of each buyer, a document, and a copy of what is sold at which price.

Publishes CartChanged. Listens to catalog (what is sold), pricing (prices), orders (lock, close, reopen).
"""
