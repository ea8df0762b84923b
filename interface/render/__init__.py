"""Results on a terminal, in HTML and as SVG."""
