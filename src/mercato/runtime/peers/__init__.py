"""Messages to services of other processes: links that send, a door that takes, frames between them."""
