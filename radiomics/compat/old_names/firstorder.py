"""PyRadiomics' name of :mod:`radiomics.compat.firstorder`."""

from radiomics.compat.firstorder import RadiomicsFirstOrder as RadiomicsFirstOrder
