"""The report: what it holds, how it is worded, its sections and its pages."""
