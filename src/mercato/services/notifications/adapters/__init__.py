"""The outside parties of notifications: mail servers, the mail folder, and the files of the templates."""
