"""Those who use the shop in a simulation: shoppers, clerks, newcomers. None of them knows how it is made."""
