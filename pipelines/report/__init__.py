"""Reports: one file a section, and the guidelines answered from the record of a run."""
