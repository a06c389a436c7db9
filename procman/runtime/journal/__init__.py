"""What has happened, kept: numbered records with actor and cause, for `why`, crash reports, metrics and time travel."""
