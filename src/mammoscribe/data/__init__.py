"""Exams in: files, folders and manifests become exams; readers of the data sets used for training."""
