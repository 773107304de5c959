"""PyRadiomics' name of :mod:`radiomics.compat.textures`."""

from radiomics.compat.textures import RadiomicsGLCM as RadiomicsGLCM
