"""Texture matrices and the features of them: co-occurrence, run lengths, zones, neighbourhoods."""
