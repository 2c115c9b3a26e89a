"""Pictures decoded and resampled once, in shards that training maps."""
