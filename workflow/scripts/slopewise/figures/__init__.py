"""Pictures: each a function from tables to an SVG text with its alternative text. Only here is matplotlib imported.

`canvas` has the style and makes an SVG fit for an HTML page; `growth` draws markers and slopes, `ladder` the steps
of the outcome models side by side, `curves` calibration, decision curves and survival.
"""
