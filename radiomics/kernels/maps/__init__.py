"""Features of the neighbourhood around every voxel."""
