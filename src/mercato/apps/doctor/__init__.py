"""What `mercato doctor` looks at: every engine that the settings name, each check by itself and bounded in time."""
