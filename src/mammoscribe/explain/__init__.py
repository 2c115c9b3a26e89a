"""What the joint space of images and texts is used for: grounding phrases, zero-shot scores, search, similarity."""
