"""Texture matrices: co-occurrence, run lengths, zones and neighbourhoods of grey levels."""
