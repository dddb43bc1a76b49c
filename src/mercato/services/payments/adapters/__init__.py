"""The gateways that payments can charge. They alone talk to the outside."""
