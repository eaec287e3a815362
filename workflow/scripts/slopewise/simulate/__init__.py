"""Simulated studies whose truth is known, to learn on and to test with."""
