"""Numerical kernels: arrays in, arrays out, named after what they compute.

``texture`` counts grey levels, ``shape`` measures masks, ``filtering`` convolves and transforms
images, ``sampling`` interpolates them, ``maps`` computes features around every voxel. Beside them
lie ``statistics`` of a sample, the ``cropping`` of arrays to a mask, the ``fingerprint`` of an
image, the decorator of what Numba compiles (``compiling``), and the ``threads`` of all.
"""
