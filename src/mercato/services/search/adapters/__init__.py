"""The engines that hold the index."""
