"""Pixels in: headers, decoded pictures, breast masks, and the canvas a model sees, with the way back to stored pixels."""
