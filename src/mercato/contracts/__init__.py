"""What services say to each other and to the world: one file a service, records and refusals only."""
