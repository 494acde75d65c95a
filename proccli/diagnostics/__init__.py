"""Everything that `proccli check` can find in a configuration."""
