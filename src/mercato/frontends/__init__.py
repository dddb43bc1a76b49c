"""Faces of the shop: they speak to services by messages only, and import none of them."""
