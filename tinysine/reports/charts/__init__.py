"""Charts as SVG: numbers in, markup out. They have no size of their own, and no colour but by the page's classes."""
