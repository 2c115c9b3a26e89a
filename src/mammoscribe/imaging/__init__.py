"""Pixels in: headers, decoded pictures, breast masks, and the model's canvas with the way back to stored pixels."""
