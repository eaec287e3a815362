"""Effects of batches on markers (``data.batch: {method: combat}``), learned on training patients and removed."""
