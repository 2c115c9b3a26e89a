"""The BioViL family: image and text models, their files, and the joint space of both."""
