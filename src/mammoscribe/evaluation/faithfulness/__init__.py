"""Whether what a generator writes follows from the pictures, and from the places that its sentences cite."""
