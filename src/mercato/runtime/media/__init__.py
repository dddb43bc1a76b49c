"""Files that shoppers see: one port, a folder or an S3 server behind it, and the routes that serve them."""
