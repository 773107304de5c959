"""Sampling: splines through voxels, and interpolation along lines."""
