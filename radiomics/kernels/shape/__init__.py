"""Shape: surface meshes, hulls, boxes, ellipsoids, moments, autocorrelation."""
