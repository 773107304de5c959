"""PyRadiomics' name of :mod:`radiomics.compat.shape`."""

from radiomics.compat.shape import RadiomicsShape as RadiomicsShape
