"""What makes a partnership's life durable: the engine, its deadlines and outbox, and the doors to them."""
