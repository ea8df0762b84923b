"""Constraints in the Trainer of Hugging Face: two methods of it say where the handle is.

    def create_optimizer(self, *arguments):
        optimizer = super().create_optimizer(*arguments)
        self.handle = cspec.bind(SPEC, net=self.model, optimizer=optimizer, train=data)    # added

    def compute_loss(self, model, inputs, **_):
        return self.handle.loss(**inputs)                         # was: model(**inputs).loss

The model is a small BERT made in place; nothing is downloaded.
"""

from __future__ import annotations

import tempfile
from typing import Any

import torch
from torch import Tensor
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

import cspec

SPEC = """
data train(input_ids, labels)
model net
minimize ce(net(input_ids).logits, labels)
s.t. found: E[ce(net(input_ids).logits, labels) | labels == 1] <= 0.35
"""


def make_data(count: int = 256) -> dict[str, Tensor]:
    """Sentences of 8 tokens; half of them hold token 3, which makes the label likely."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(4, 20, (count, 8), generator=generator)
    marked = torch.rand(count, generator=generator) < 0.5
    ids[marked, 1] = 3
    likely = torch.where(marked, 0.8, 0.2)
    return {"input_ids": ids, "labels": (torch.rand(count, generator=generator) < likely).long()}


def make_model() -> BertForSequenceClassification:
    """A BERT of one layer and 16 hidden units."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=20,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=8,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    return BertForSequenceClassification(config)


class Constrained(Trainer):  # type: ignore[misc]
    """A Trainer whose loss is the handle's."""

    handle: Any = None

    def create_optimizer(self, *arguments: Any, **settings: Any) -> Any:
        """The Trainer's own optimizer, and the handle on it."""
        optimizer = super().create_optimizer(*arguments, **settings)
        if self.handle is None:
            data = make_data()  # a model that gives a record is called to see what is in it
            self.handle = cspec.bind(SPEC, net=self.model, optimizer=optimizer, train=data)
        return optimizer

    def compute_loss(self, model: Any, inputs: Any, *_: Any, **__: Any) -> Any:
        """The loss on one batch; the Trainer divides it where it accumulates."""
        return self.handle.loss(**inputs)


def train(epochs: int = 12, accumulate: int = 1) -> Any:
    """The handle at the end of a training."""
    columns = make_data()
    rows = [{name: values[i] for name, values in columns.items()} for i in range(256)]
    with tempfile.TemporaryDirectory() as folder:
        settings = TrainingArguments(
            output_dir=folder,
            num_train_epochs=epochs,
            per_device_train_batch_size=32,
            gradient_accumulation_steps=accumulate,
            learning_rate=5e-3,
            lr_scheduler_type="constant",
            remove_unused_columns=False,
            save_strategy="no",
            logging_strategy="no",
            report_to=[],
            disable_tqdm=True,
            use_cpu=True,
        )
        trainer = Constrained(model=make_model(), args=settings, train_dataset=rows)
        trainer.train()
    return trainer.handle


def main() -> None:
    """Train, take off what the steps left, and print the verdict table."""
    print(train().restore(make_data()))


if __name__ == "__main__":
    main()
