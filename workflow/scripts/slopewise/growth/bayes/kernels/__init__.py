"""Compiled loops of the posterior; their cache is remade when one of these modules or the engine changes."""
