"""Files as people have them, read row by row: tables, archives, XML, JSON, trees of folders."""
