"""The chat widget: what a visitor's browser may ask, and how she proves who she is."""
