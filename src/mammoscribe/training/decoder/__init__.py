"""Training the report decoder on random fact tables: tables, target sequences, losses, the task for the engine."""
