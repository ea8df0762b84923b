"""REINFORCE under a cost budget: a loop of one's own, driven by a `given`-only spec.

A one-step problem with five actions. Action k earns k and, for k >= 3, costs 1 with probability
(k - 2) / 2. Without a budget the policy always takes action 4; the best policy with an expected
cost of at most 0.3 takes action 2, and action 3 or 4 as often as the budget allows:
0.4 * 2 + 0.6 * 3 = 2.6 with action 3 (cost 0.5 each), 0.7 * 2 + 0.3 * 4 = 2.6 with action 4.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

import cspec

SPEC = Path(__file__).with_name("policy_gradient.cspec")
REWARD = torch.tensor([0.0, 1.0, 2.0, 3.0, 4.0])
COST_PROBABILITY = torch.tensor([0.0, 0.0, 0.0, 0.5, 1.0])


def sample(logits: Tensor, episodes: int, generator: torch.Generator) -> tuple[Tensor, ...]:
    """Actions drawn from the policy: their log-probabilities, rewards and costs."""
    actions = torch.multinomial(
        logits.detach().softmax(0), episodes, replacement=True, generator=generator
    )
    chance = torch.rand(episodes, generator=generator)
    cost = (chance < COST_PROBABILITY[actions]).float()
    return logits.log_softmax(0)[actions], REWARD[actions], cost


def train(steps: int = 2000, episodes: int = 512, seed: int = 0) -> dict[str, float]:
    """Train the policy; its expected reward and cost, and the multiplier of the budget."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.zeros(5, requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=0.005)
    handle = cspec.bind(SPEC, optimizer=optimizer)
    for _ in range(steps):
        log_probability, reward, cost = sample(logits, episodes, generator)
        loss = handle.loss(
            loss=-(log_probability * (reward - reward.mean())).mean(),
            cost=cost.mean(),
            cost_loss=(log_probability * (cost - cost.mean())).mean(),
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    policy = logits.detach().softmax(0)
    return {
        "reward": float(policy @ REWARD),
        "cost": float(policy @ COST_PROBABILITY),
        "multiplier": float(handle.multipliers["budget"]),
    }


if __name__ == "__main__":
    result = train()
    print(f"expected reward {result['reward']:.3f} (best within the budget: 2.600)")
    print(f"expected cost   {result['cost']:.3f} (budget 0.300, sampled)")
    print(f"multiplier      {result['multiplier']:.3f} (one more unit of cost buys 2 of reward)")
