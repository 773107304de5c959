"""Counting kernels: ``cpu`` in Numba. They take and return arrays."""
