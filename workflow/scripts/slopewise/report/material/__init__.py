"""What a report is made of: frames, and the figures taken from them."""
