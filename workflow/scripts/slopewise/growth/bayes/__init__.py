"""The posterior of a growth model: beta and b integrated out, the few variance parameters sampled."""
