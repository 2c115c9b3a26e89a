"""Training the reader: exams of prepared datasets, batches, losses by the supervision table, the task for the engine."""
