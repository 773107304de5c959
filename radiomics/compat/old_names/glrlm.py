"""PyRadiomics' name of :mod:`radiomics.compat.textures`."""

from radiomics.compat.textures import RadiomicsGLRLM as RadiomicsGLRLM
