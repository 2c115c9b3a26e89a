"""Fine-tuning of chat models that see pictures (LLaVA-1.5 and its kin): conversations, batches, task, recipe, export."""
