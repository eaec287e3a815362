"""What the benchmarks share: simulated patients, clocks, peers, and the page that they write."""
