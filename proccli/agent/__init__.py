"""The agent's pipeline, from processes and a configuration to verdicts, as pure functions."""
