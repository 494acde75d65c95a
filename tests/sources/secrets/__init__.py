"""Finding secrets in command lines."""
