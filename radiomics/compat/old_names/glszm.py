"""PyRadiomics' name of :mod:`radiomics.compat.textures`."""

from radiomics.compat.textures import RadiomicsGLSZM as RadiomicsGLSZM
