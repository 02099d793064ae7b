"""What timers, queues and HTTP start: thin, one call into a job each."""
