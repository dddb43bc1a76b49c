"""The storefront: pages made by the server, from home to "payment successful". No script is needed, and none is sent.

`mounting.py` has the table of all pages. Each page is a function of a Visit; templates lie in `templates`.
"""
