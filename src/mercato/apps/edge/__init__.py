"""What stands in front of the processes: configurations of proxies, made from the table of routes."""
