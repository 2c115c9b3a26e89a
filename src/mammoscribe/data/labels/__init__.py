"""Values of labels (BI-RADS, density, cancer, pathology, side): one spelling for each, and classes made of them."""
