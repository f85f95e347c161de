"""The chapters of the policy: each defines the inputs, requirements, effects and rows of its events."""
