"""Shape: surface meshes, outlines, hulls, boxes, ellipsoids, moments, autocorrelation."""
