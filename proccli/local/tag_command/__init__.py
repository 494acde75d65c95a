"""Running the configuration's tag command as the agent does."""
