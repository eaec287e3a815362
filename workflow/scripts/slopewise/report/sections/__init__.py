"""One file a section of the report, named after its anchor."""
