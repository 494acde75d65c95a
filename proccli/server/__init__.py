"""Many hosts: what the server makes of the connections that their agents send."""
