"""Models that write about an exam, each behind one interface: what they write is claims, which only the gate can print."""
