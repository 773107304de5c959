"""Filtering: convolution, Gaussians, recursive filters, spectra, steering, wavelets, spheres."""
