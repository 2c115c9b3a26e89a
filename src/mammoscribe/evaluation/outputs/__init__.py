"""What readers gave for exams, kept in files before it is scored."""
