"""Text as shoppers and merchants write it, made into words that are equal where they mean the same.

Every engine is given words that were made here, with spaces between them, so that all of them find and score alike.
"""
