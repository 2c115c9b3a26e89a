"""Tests of mammoscribe, one folder for each room."""
