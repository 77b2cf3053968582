"""Model families, one file each: how a model is inspected and checked."""
