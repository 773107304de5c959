"""PyRadiomics' name of :mod:`radiomics.compat.shape`."""

from radiomics.compat.shape import RadiomicsShape2D as RadiomicsShape2D
