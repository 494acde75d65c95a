"""Which processes a server takes for one gprocess."""
