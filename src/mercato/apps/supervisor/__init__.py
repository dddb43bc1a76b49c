"""All services as processes of their own on one machine, watched by one."""
