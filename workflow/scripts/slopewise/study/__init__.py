"""The study file: its keys, its rules, and what each step depends on."""
