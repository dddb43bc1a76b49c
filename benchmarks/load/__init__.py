"""The load client: a C program that costs little processor time, and its Python side.

`client` describes jobs, runs them and reads their reports; `program` compiles the C files of this folder on first use.
"""
