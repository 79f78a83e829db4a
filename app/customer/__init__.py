"""What customers see: the published releases of a product that are not private."""
