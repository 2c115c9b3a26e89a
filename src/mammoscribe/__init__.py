"""mammoscribe: reads a mammography exam and writes a BI-RADS report whose every sentence cites its evidence."""

__version__ = "0.1.0"
