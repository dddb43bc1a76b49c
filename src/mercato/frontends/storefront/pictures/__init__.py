"""Pictures of the demo shop, drawn by code: a name such as `mug-moss-front` says all that is in the drawing."""
