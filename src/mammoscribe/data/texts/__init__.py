"""Texts of reports: sections, sentences, comparisons with other exams."""
