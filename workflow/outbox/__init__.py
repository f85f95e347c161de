"""The outbox: who is told what and when, the words of each message, and its delivery."""
