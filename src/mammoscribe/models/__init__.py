"""Networks: the BioViL-T image encoder, exam fusion, finding queries, breast heads, patch path and report decoder."""
