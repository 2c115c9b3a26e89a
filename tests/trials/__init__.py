"""Files as people really have them, rebuilt by scripts outside this repository; each has one right outcome."""
