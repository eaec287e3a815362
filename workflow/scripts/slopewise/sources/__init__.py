"""Tables as users have them, read as text with the line of every row."""
