"""How the agent interprets processes and sockets, as pure functions of what was read."""
