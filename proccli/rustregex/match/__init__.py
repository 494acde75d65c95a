"""Matching: translation, linear simulation, masked text, and the crate's own wrong answers."""
