"""Files other programs and people read: report.json with its schema, report.txt, and the one-file report.html."""

from mammoscribe.exports.html import report_html
from mammoscribe.exports.json_report import dumps_report, report_json, schema
from mammoscribe.exports.pictures import MarkCrop, ViewImage
from mammoscribe.exports.text import report_text

__all__ = ["MarkCrop", "ViewImage", "dumps_report", "report_html", "report_json", "report_text", "schema"]
