"""What a mammogram shows beside tissue: nipple, skin line, folds, pectoral muscle, axilla, metal, letters, film borders."""
