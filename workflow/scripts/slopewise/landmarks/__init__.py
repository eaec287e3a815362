"""The runs of one study at several landmarks."""
