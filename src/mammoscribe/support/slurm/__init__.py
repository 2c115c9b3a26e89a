"""Batch scripts for a SLURM cluster: the file that describes the cluster, the text of the scripts, and their submission."""
