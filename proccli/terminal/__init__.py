"""Results as a person, a script or another program wants them: text, JSON. Decides nothing."""
