"""The nouns: exam, view, box, finding, evidence, sentence, assessment, report. Frozen, and valid at birth."""
