"""pricing owns every price, the tax and shipping rates of a store, and signs quotes.

Publishes PriceChanged, RatesChanged. Listens to catalog (figures that came with a product).
"""
