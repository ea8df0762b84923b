"""What methods do beside the emitted lines, one file a method."""
