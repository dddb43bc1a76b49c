"""HTTP: routes bound to messages, one way in and out for two dispatchers (ASGI and the lane), problem documents."""
