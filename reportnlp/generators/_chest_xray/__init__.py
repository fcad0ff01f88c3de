"""The parts of the chest_xray generator, below its entry."""
