"""Independent judges of the bundled model: label reader and geometric detectors."""
