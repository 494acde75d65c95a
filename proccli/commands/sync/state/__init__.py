"""What a run of `sync` saves for the next one: a JSON file, and a lock file beside it."""
