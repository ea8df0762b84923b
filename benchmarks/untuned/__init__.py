"""Requirements that are stated and met in one run: tasks, references and judges."""
