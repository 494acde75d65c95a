"""TCP option tracing: what kind 253 says of a segment's sender, and connections with it."""
