"""The templates, the style and the script of a page."""
