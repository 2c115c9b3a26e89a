"""The card of readers on labelled exams."""
