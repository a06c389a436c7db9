"""`procman run`: one program without a configuration."""
