"""Matching: translation, automata, masked text, and the crate's own wrong answers."""
