"""Published data of IBSI 1: the digital phantom and the consensus values, see README.md here."""
