"""What catalog needs of the outside: the readers of import files, and the cleaning of HTML."""
