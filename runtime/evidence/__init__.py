"""What a run was made from: manifest, digests, code, circumstances."""
