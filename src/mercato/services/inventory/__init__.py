"""inventory owns locations, stock levels, reservations and movements.

Publishes StockReserved, StockRefused, StockReleased, StockChanged. Listens to orders (hold, sell, give back) and
catalog (stock that came with a product).
"""
