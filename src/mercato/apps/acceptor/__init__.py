"""The acceptor: a process that holds the connections of a shop, reads plain requests and writes the replies."""
