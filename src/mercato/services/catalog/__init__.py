"""catalog owns the category tree, products with options and variants, their media, imports, and the published product
document.

Publishes ProductChanged, ProductDescribed, ProductArchived, FiguresGiven, CategoryChanged. Listens to pricing (prices)
and inventory (what is available), whose figures stand in the published document.
"""
