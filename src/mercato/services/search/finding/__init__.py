"""Finding: from what a shopper types to a plan that every engine runs, and from its hits to an order of them."""
