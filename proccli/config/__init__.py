"""Configurations: from an agent's YAML to the settings and rules in effect."""
