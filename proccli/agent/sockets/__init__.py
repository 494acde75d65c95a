"""Which sockets the agent would send, in which role, and why not the others."""
